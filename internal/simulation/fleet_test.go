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

// server does the work of one request. It returns when the response is due, or early with the context's error.
type server interface {
	serve(ctx context.Context, drawn time.Duration) error
}

// backend is a server with an address, and what is counted there.
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
	refuses bool // no connection at all; status is unused
	checks  bool // only checks see it
}

// fleet is all backends of one run. Each proxy knows a backend by an address of its own, because Caddy counts requests per address
// for the whole process, and separate proxies must not know of one another.
type fleet struct {
	name      string
	start     time.Time
	backends  []*backend
	dials     [][]string     // by proxy, then backend
	addresses map[string]int // backend
	odd       []int
	rng       *rand.Rand // for what happens to backends

	membership membership

	mu       sync.Mutex
	inFlight int
	crowding float64 // highest share of all in flight at the odd backends, relative to an equal one
}

// fleets are the running fleets by name, for the modules that Caddy makes.
var fleets sync.Map

var fleetCount atomic.Int64

func runningFleet(name string) (*fleet, error) {
	f, ok := fleets.Load(name)
	if !ok {
		return nil, fmt.Errorf("fleet: %q is not running", name)
	}
	return f.(*fleet), nil
}

func newFleet(s *scenario, seed uint64) *fleet {
	f := &fleet{
		name:      fmt.Sprintf("fleet%d", fleetCount.Add(1)),
		start:     time.Now(),
		addresses: make(map[string]int),
		odd:       s.odd,
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

// addressesFor gives every backend an address for one proxy.
func (f *fleet) addressesFor(proxy int) (dials []string) {
	for i := range f.backends {
		dial := fmt.Sprintf("b%d.p%d.%s:80", i, proxy, f.name)
		f.addresses[dial] = i
		dials = append(dials, dial)
	}
	return dials
}

// at does something once the run has lasted for d.
func (f *fleet) at(d time.Duration, do func()) { time.AfterFunc(d-time.Since(f.start), do) }

func (f *fleet) begin(i int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	b := f.backends[i]
	b.inFlight++
	f.inFlight++
	b.peak = max(b.peak, b.inFlight)
	if slices.Contains(f.odd, i) {
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

// checkIdle fails the test if a request is still counted when all are over.
func (f *fleet) checkIdle(t *testing.T) {
	t.Helper()
	if f.inFlight != 0 {
		t.Errorf("%d requests are in flight after the last one came back", f.inFlight)
	}
}
