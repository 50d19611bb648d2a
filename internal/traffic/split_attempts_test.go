package traffic

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// canaries are a pool of four backends, of which the last two are canaries.
func canaries(f fleet, options string) string {
	return poolWith(staticEndpoints(f, versions("v1", "v1", "v2", "v2")...)+hedged, `lb_policy split {
		group stable version=v1 {
			policy smooth_weighted_round_robin
		}
		group canary version=v2 50% {
			policy smooth_weighted_round_robin
		}
		force header X-Version
		`+options+`
	}`)
}

func TestAHedgeStaysInTheGroupOfItsRequest(t *testing.T) {
	var stalls atomic.Pointer[string] // the names of backends that do not answer
	none := ""
	stalls.Store(&none)
	fleet := startBackends(t, 4, func(b *backend, w http.ResponseWriter, r *http.Request) {
		if strings.Contains(*stalls.Load(), b.name) {
			_, _ = io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
			return
		}
		writeName(b, w, r)
	})
	p := startProxy(t, canaries(fleet, "guard"))
	c := p.client()
	for range 400 {
		expectOK(t)(c.get("/", "X-Version", "canary"))
	}
	one, both := "b2", "b2 b3"
	stalls.Store(&one)
	for range 20 {
		if a := expectOK(t)(c.get("/", "X-Version", "canary")); a.backend != "b3" {
			t.Fatalf("%s answered", a.backend)
		}
	}
	stalls.Store(&both)
	c.Timeout = 300 * time.Millisecond
	for range 5 {
		if a, err := c.get("/", "X-Version", "canary"); err == nil {
			t.Errorf("%s answered, and all canaries stall", a.backend)
		}
	}
	if got := p.group("stable"); got.Picks != 0 {
		t.Errorf("the other group had %d picks", got.Picks)
	}
}

func TestTheGuardCountsAFailureThatARetryMadeGood(t *testing.T) {
	fleet := startBackends(t, 3, func(b *backend, w http.ResponseWriter, r *http.Request) {
		if b.name == "b2" {
			panic(http.ErrAbortHandler)
		}
		writeName(b, w, r)
	})
	p := startProxy(t, poolWith(staticEndpoints(fleet, versions("v1", "v1", "v2")...), `lb_retries 2
	lb_policy split {
		group stable version=v1
		group canary version=v2 50%
		guard {
			min_requests 50
		}
	}`))
	c := p.client()
	eventually(t, "the canary is stopped", func() bool {
		for range 50 {
			if a := expectOK(t)(c.get("/")); a.backend == "b2" {
				t.Fatal("a canary answered that cannot")
			}
		}
		return p.group("canary").Share == 0
	})
	if set := p.group("canary").Set; !strings.HasPrefix(set.Reason, "100 % of its") {
		t.Errorf("it is %+v", set)
	}
}

func TestAFullGroupLeavesItsRequestsToTheDefaultGroup(t *testing.T) {
	var busy, most atomic.Int64
	fleet := startBackends(t, 2, func(b *backend, w http.ResponseWriter, r *http.Request) {
		if b.name == "b1" {
			most.Store(max(most.Load(), busy.Add(1)))
			defer busy.Add(-1)
		}
		time.Sleep(20 * time.Millisecond)
		writeName(b, w, r)
	})
	for name, limits := range map[string]string{
		"max_requests":   "max_requests 2\n",
		"adaptive_limit": "adaptive_limit {\nmin 1\nmax 2\n}\n",
	} {
		t.Run(name, func(t *testing.T) {
			p := startProxy(t, poolWith(staticEndpoints(fleet, versions("v1", "v2")...)+limits, `lb_policy split {
				group stable version=v1
				group canary version=v2 90%
			}`))
			most.Store(0)
			c := p.client()
			flood(3, 60, func(int) { expectOK(t)(c.get("/")) })
			if g := p.group("stable"); most.Load() > 2 || g.Spilled == 0 {
				t.Errorf("the canary had %d at once, and the default group is %+v", most.Load(), g)
			}
		})
	}
}
