package healthprobe

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/endpointtest"
)

// keeping is a probe that keeps something for each endpoint, and counts it.
type keeping struct {
	mu          sync.Mutex
	open        map[string]int // what is kept, by the name of the endpoint
	opened      int
	fails, late bool
	overlap     bool
	busy        map[string]bool
}

type thing struct {
	k    *keeping
	name string
}

func (o *thing) Close() error {
	o.k.mu.Lock()
	defer o.k.mu.Unlock()
	o.k.open[o.name]--
	return nil
}

func (k *keeping) Check(ctx context.Context, t *Target) error {
	name := strings.TrimSuffix(t.Address, ":1")
	k.mu.Lock()
	k.overlap = k.overlap || k.busy[name]
	k.busy[name] = true
	late := k.late
	k.mu.Unlock()
	if late {
		time.Sleep(time.Minute) // unlike what is asked of probes
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.busy[name] = false
	if t.Kept == nil {
		t.Kept = &thing{k, name}
		k.opened++
		k.open[name]++
	}
	if k.fails {
		return errors.New("no")
	}
	return nil
}

func (k *keeping) set(fails, late bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.fails, k.late = fails, late
}

// wantKept expects something to be kept for so many endpoints, of so many things ever opened.
func (k *keeping) wantKept(t *testing.T, kept, opened int) {
	t.Helper()
	synctest.Wait()
	k.mu.Lock()
	defer k.mu.Unlock()
	n := 0
	for _, m := range k.open {
		n += m
	}
	if n != kept || k.opened != opened || k.overlap {
		t.Errorf("%d things are kept and %d were opened, not %d and %d; checks overlap: %t", n, k.opened, kept, opened, k.overlap)
	}
}

func keeper() *keeping { return &keeping{open: map[string]int{}, busy: map[string]bool{}} }

func TestWhatIsKeptForAnEndpointIsClosedWhenItLeaves(t *testing.T) {
	k := keeper()
	endpointtest.Run(t, func(pool *endpointtest.Pool) {
		pool.SetEndpoints("a", "b", "c")
		pool.Sleep(time.Minute)
		k.wantKept(t, 3, 3)
		pool.SetEndpoints("a")
		k.wantKept(t, 1, 3)
		pool.SetEndpoints("a", "b")
		pool.Sleep(time.Minute)
		k.wantKept(t, 2, 4)
	}, health(k))
}

func TestWhatACheckKeepsForAnEndpointThatLeftMeanwhileIsClosedToo(t *testing.T) {
	k := keeper()
	k.late = true
	endpointtest.Run(t, func(pool *endpointtest.Pool) {
		pool.SetEndpoints("a", "b")
		pool.Sleep(time.Second)
		pool.SetEndpoints("a")
		k.wantKept(t, 0, 0)
		k.set(false, false)
		pool.Sleep(time.Minute)
		k.wantKept(t, 1, 2)
	}, health(k))
}

func TestWhatIsKeptIsClosedWhenTheChecksEnd(t *testing.T) {
	k := keeper()
	endpointtest.Run(t, func(pool *endpointtest.Pool) {
		pool.SetEndpoints("a", "b", "c")
		pool.Sleep(time.Minute)
		k.set(false, true)
		pool.Sleep(6 * time.Second) // all three are being checked
		pool.SetEndpoints("a", "b")
		pool.Reload()
		pool.Sleep(time.Minute)
		k.wantKept(t, 0, 3)
	}, health(k))
}

func TestNothingIsKeptAfterACheckThatFailed(t *testing.T) {
	k := keeper()
	endpointtest.Run(t, func(pool *endpointtest.Pool) {
		pool.SetEndpoints("a")
		pool.Sleep(time.Minute)
		k.wantKept(t, 1, 1)
		k.set(true, false)
		pool.Sleep(6 * time.Second)
		k.wantKept(t, 0, k.opened)
	}, health(k))
}
