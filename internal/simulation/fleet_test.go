package simulation

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// server does the work of one request.
type server interface {
	// serve returns when the response is due, or earlier with the error of the context.
	serve(ctx context.Context, drawn time.Duration) error

	// foresee returns how long serve would take if nothing else happened.
	foresee(drawn time.Duration) time.Duration
}

// backend is a server with an address, and the counts of its requests.
type backend struct {
	server
	fault     atomic.Pointer[fault]
	inFlight  int
	parked    int // of those in flight
	peak      int
	perSecond []int // attempts that came in
}

// fault makes a backend answer without doing the work.
type fault struct {
	after   time.Duration
	status  int
	refuses bool // no connection; status is unused
	hangs   bool // no answer at all
	checks  bool // only checks see it

	path  string  // only requests for it see the fault; "" means all requests
	share float64 // of the requests for the path
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
	parked   int
	crowding float64 // highest share of all in flight at a watched backend, relative to an equal one

	// parkedExcess is the highest number of parked requests at any backend above the mean of all,
	// in standard deviations of a choice by chance (the square root of the mean). The maximum of
	// ten backends over a run reaches 3 by chance.
	parkedExcess float64
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
func (f *fleet) begin(i int, a *arrival) {
	f.mu.Lock()
	defer f.mu.Unlock()
	b := f.backends[i]
	a.backend = i
	b.inFlight++
	f.inFlight++
	b.peak = max(b.peak, b.inFlight)
	b.perSecond[int(time.Since(f.start)/time.Second)]++
	if a.kind.parked() {
		b.parked++
		f.parked++
	}
	f.crowdingLocked(i)
}

// crowdingLocked compares backend i with the mean of all.
func (f *fleet) crowdingLocked(i int) {
	b := f.backends[i]
	members, _ := f.membership.get()
	n := members.to - members.from
	if slices.Contains(f.watched, i) {
		f.crowding = max(f.crowding, float64(b.inFlight*n)/float64(f.inFlight))
	}
	if mean := float64(f.parked) / float64(n); mean >= fewParked {
		f.parkedExcess = max(f.parkedExcess, (float64(b.parked)-mean)/math.Sqrt(mean))
	}
}

// fewParked is the mean number of parked requests at a backend below which their places say
// nothing.
const fewParked = 5

func (f *fleet) end(b *backend, a *arrival) {
	f.mu.Lock()
	defer f.mu.Unlock()
	b.inFlight--
	f.inFlight--
	if a.kind.parked() {
		b.parked--
		f.parked--
	}
}

// busy returns how many requests a backend has that are parked, and how many others.
func (f *fleet) busy(b *backend) (parked, others int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return b.parked, b.inFlight - b.parked
}

// checkIdle fails the test if a request is still counted after all have ended.
func (f *fleet) checkIdle(t *testing.T) {
	t.Helper()
	if f.inFlight != 0 {
		t.Errorf("%d requests are in flight after the last one came back", f.inFlight)
	}
}
