package simulation

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// server does the work of one request. serve returns when the response is due, or earlier with the
// error of the context.
type server interface {
	serve(ctx context.Context, drawn time.Duration) error
}

// backend is a server with an address, and the counts of its requests.
type backend struct {
	server
	fault     atomic.Pointer[fault]
	inFlight  int
	peak      int
	perSecond []int // attempts that came in
}

// fault makes a backend answer without doing the work.
type fault struct {
	after   time.Duration
	status  int
	refuses bool // no connection; status is unused
	checks  bool // only checks see it
}

// fleet is all backends of one run. Each proxy has its own address for a backend. Caddy counts
// requests by address for the whole process, and separate proxies must not see the requests of each
// other.
type fleet struct {
	name      string
	start     time.Time
	backends  []*backend
	dials     [][]string     // by proxy, then backend
	addresses map[string]int // backend
	watched   []int
	rng       *rand.Rand // for what happens to backends

	membership membership

	mu       sync.Mutex
	inFlight int
	crowding float64 // highest share of all in flight at the watched backends, relative to an equal one
}

// fleets are the running fleets by name. The modules that Caddy creates look their fleet up here.
var fleets sync.Map

var fleetCount atomic.Int64

// runningFleet returns the fleet that a module's JSON names.
func runningFleet(name string) (*fleet, error) {
	f, ok := fleets.Load(name)
	if !ok {
		return nil, fmt.Errorf("fleet: %q is not running", name)
	}
	return f.(*fleet), nil
}

// newFleet makes the backends of a scenario, and registers the fleet for runningFleet.
func newFleet(s *scenario, seed uint64) *fleet {
	f := &fleet{
		name:      fmt.Sprintf("fleet%d", fleetCount.Add(1)),
		start:     time.Now(),
		addresses: make(map[string]int),
		watched:   s.watched,
		rng:       rand.New(rand.NewPCG(seed, 2)),
	}
	f.membership.set(s.backends)
	if s.members > 0 {
		f.membership.set(s.members)
	}
	for i := range s.backends {
		f.backends = append(f.backends, &backend{server: s.server(i), perSecond: make([]int, s.seconds()+1)})
	}
	for p := range s.proxyCount() {
		f.dials = append(f.dials, f.addressesFor(p))
	}
	fleets.Store(f.name, f)
	return f
}

// addressesFor returns one proxy's addresses of all backends, and records which backend each
// belongs to.
func (f *fleet) addressesFor(proxy int) (dials []string) {
	for i := range f.backends {
		dial := fmt.Sprintf("b%d.p%d.%s:80", i, proxy, f.name)
		f.addresses[dial] = i
		dials = append(dials, dial)
	}
	return dials
}

// at calls do when the run has lasted for d.
func (f *fleet) at(d time.Duration, do func()) { time.AfterFunc(d-time.Since(f.start), do) }

// begin counts an attempt that arrives at backend i, and updates the peaks.
func (f *fleet) begin(i int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	b := f.backends[i]
	b.inFlight++
	f.inFlight++
	b.peak = max(b.peak, b.inFlight)
	if slices.Contains(f.watched, i) {
		members, _ := f.membership.get()
		f.crowding = max(f.crowding, float64(b.inFlight*(members.to-members.from))/float64(f.inFlight))
	}
	b.perSecond[int(time.Since(f.start)/time.Second)]++
}

func (f *fleet) end(b *backend) {
	f.mu.Lock()
	defer f.mu.Unlock()
	b.inFlight--
	f.inFlight--
}

// checkIdle fails the test if a request is still counted after all have ended.
func (f *fleet) checkIdle(t *testing.T) {
	t.Helper()
	if f.inFlight != 0 {
		t.Errorf("%d requests are in flight after the last one came back", f.inFlight)
	}
}
