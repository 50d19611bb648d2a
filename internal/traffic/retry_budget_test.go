package traffic

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// budgeted returns a site whose pool has a budget of retries. lines are more lines of its proxy.
func budgeted(f fleet, budget, lines string) string {
	return fmt.Sprintf("reverse_proxy {\ndynamic pool web {\nsource static %s\nretry_budget %s\n}\n%s\n}", f, budget, lines)
}

// everySecondFails returns a handler at which every second request of all backends fails. No
// connection is kept, because net/http itself repeats requests on those that break.
func everySecondFails(fail func(http.ResponseWriter)) handlerFunc {
	var n atomic.Int64
	return func(_ *backend, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "close")
		if n.Add(1)%2 == 0 {
			fail(w)
			return
		}
		io.WriteString(w, "well")
	}
}

func TestRetriesAddNoMoreLoadThanTheirBudget(t *testing.T) {
	const match = "lb_retry_match {\nexpression `{rp.status_code} == 503`\n}\n"
	answer503 := func(w http.ResponseWriter) { w.WriteHeader(http.StatusServiceUnavailable) }
	for policy, line := range ourPolicies {
		expectBoundedLoad(t, policy+"/broken", closeConnection, line+"\nlb_retries 5")
		expectBoundedLoad(t, policy+"/503", answer503, line+"\nlb_retries 5\n"+match)
		expectBoundedLoad(t, policy+"/by time", closeConnection, line+"\nlb_try_duration 1h\nlb_try_interval 1ms")
	}
}

func expectBoundedLoad(t *testing.T, name string, fail func(http.ResponseWriter), lines string) {
	t.Run(name, func(t *testing.T) {
		fleet := startBackends(t, 3, everySecondFails(fail))
		c := startProxy(t, budgeted(fleet, "20% 0", lines)).client()
		n := amount(300, 200)
		var failed atomic.Int64
		flood(10, n, func(i int) {
			if a, err := c.get(fmt.Sprint("/", i)); err != nil || a.status != http.StatusOK {
				failed.Add(1)
			}
		})
		var sent int
		for _, hits := range fleet.hits() {
			sent += int(hits)
		}
		if most := n * 125 / 100; sent > most {
			t.Errorf("%d requests were sent %d times, want at most %d", n, sent, most)
		}
		if least := n * 115 / 100; sent < least {
			t.Errorf("%d requests were sent %d times, so the budget was not used", n, sent)
		}
		if failed.Load() == 0 {
			t.Error("no request failed, so nothing was refused")
		}
	})
}

// waitsLong makes a test hang if Caddy tries again or waits after the first failure.
const waitsLong = "lb_try_duration 1h\nlb_try_interval 1h\n"

func TestWhatTheBudgetRefusesFailsAtOnceWithTheFirstError(t *testing.T) {
	refusing := startBackends(t, 2)
	for _, b := range refusing {
		b.kill()
	}
	breaking := startBackends(t, 2, func(_ *backend, w http.ResponseWriter, _ *http.Request) { closeConnection(w) })
	busy := startBackends(t, 2, func(b *backend, w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusTooManyRequests)
		io.WriteString(w, "busy")
	})
	const match = "lb_retry_match {\nexpression `{rp.status_code} == 429`\n}\n"
	for name, test := range map[string]struct {
		fleet  fleet
		lines  string
		status int
		body   string
	}{
		"a refused connection":                   {refusing, waitsLong, http.StatusBadGateway, ""},
		"a refused connection without retries":   {refusing, "", http.StatusBadGateway, ""},
		"a broken connection":                    {breaking, waitsLong, http.StatusBadGateway, ""},
		"an answer that is to be retried":        {busy, waitsLong + match, http.StatusTooManyRequests, "busy"},
		"a refused connection with lb_retries":   {refusing, "lb_retries 9\nlb_try_interval 1h", http.StatusBadGateway, ""},
		"an error whose method is to be retried": {breaking, waitsLong + "lb_retry_match {\nmethod GET\n}", http.StatusBadGateway, ""},
	} {
		t.Run(name, func(t *testing.T) {
			before := test.fleet.hits()
			c := startProxy(t, budgeted(test.fleet, "0% 0", test.lines)).client()
			a, err := c.get("/")
			if err != nil || a.status != test.status || !strings.Contains(a.body, test.body) {
				t.Errorf("got %+v, %v", a, err)
			}
			after := test.fleet.hits()
			if sent := after[0] + after[1] - before[0] - before[1]; sent > 1 {
				t.Errorf("it was sent %d times", sent)
			}
		})
	}
}

func TestABudgetAllowsNoRetryThatTheConfigDoesNot(t *testing.T) {
	fleet := startBackends(t, 2, func(_ *backend, w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		closeConnection(w)
	})
	for _, lines := range []string{"", "lb_retries 3", "lb_retries 3\nlb_retry_match {\nmethod PUT\n}"} {
		before := fleet.hits()
		c := startProxy(t, budgeted(fleet, "100% 100", lines)).client()
		a, err := c.send(http.MethodPost, "/", strings.NewReader("body"))
		if err != nil || a.status != http.StatusBadGateway {
			t.Errorf("%q: got %+v, %v", lines, a, err)
		}
		after := fleet.hits()
		if sent := after[0] + after[1] - before[0] - before[1]; sent != 1 {
			t.Errorf("%q: it was sent %d times", lines, sent)
		}
	}
}

func TestABudgetLeavesRetriesOfADeadBackendAlone(t *testing.T) {
	fleet := startBackends(t, 4)
	fleet[0].kill()
	for _, lines := range []string{"", "lb_retries 3", "lb_try_duration 5s"} {
		c := startProxy(t, budgeted(fleet, "100%", lines+"\n"+roundRobin)).client()
		for i := range 40 {
			expectOK(t)(c.get(fmt.Sprint("/", i)))
			expectOK(t)(c.send(http.MethodPost, fmt.Sprint("/", i), strings.NewReader("body")))
		}
	}
}

// untriedRetries returns how often requests were sent again, to endpoints of the pool web that they
// had not tried.
func untriedRetries() (n uint64) {
	endpoint.Each(func(name string, p *endpoint.Pool) bool {
		if name == "web" {
			n, _ = p.Retries()
		}
		return true
	})
	return n
}

func TestARequestBacksOffOnlyWhenItHasTriedAllEndpoints(t *testing.T) {
	fleet := startBackends(t, 3)
	for _, b := range fleet[1:] {
		b.kill()
	}
	// The pause is so long that a request which makes one ends with its client.
	const backoff = "retry_backoff 24h 24h"
	p := startProxy(t, gated(fleet, backoff, "lb_retries 9"), gated(fleet, backoff, "lb_retries 9\nlb_try_interval 1ms"))
	for i := range 20 {
		expectOK(t)(p.client(i % 2).get(fmt.Sprint("/", i)))
	}
	fleet[0].kill()
	before := untriedRetries()
	ctx, leave := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		c := p.client()
		r, _ := http.NewRequestWithContext(ctx, http.MethodGet, c.base, nil)
		_, err := c.do(r)
		done <- err
	}()
	eventually(t, "the request has tried all endpoints", func() bool {
		return untriedRetries() == before+2
	})
	leave()
	if err := receive(t, done); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestABackoffIsNoLongerThanTheTimeForTries(t *testing.T) {
	for name, limits := range map[string]string{"alone": "", "with a gate": "\nmax_in_flight 5"} {
		t.Run(name, func(t *testing.T) {
			fleet := startBackends(t, 2)
			for _, b := range fleet {
				b.kill()
			}
			p := startProxy(t, gated(fleet, "retry_backoff 24h 24h"+limits, "lb_try_duration 50ms\nlb_try_interval 1ms"))
			done := make(chan answer, 1)
			go func() { a, _ := p.client().get("/"); done <- a }()
			if a := receive(t, done); a.status != http.StatusBadGateway {
				t.Errorf("the status is %d, want 502", a.status)
			}
		})
	}
}
