package traffic

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/limit"
)

// gated returns a site whose pool has limits. lines are more lines of its proxy.
func gated(f fleet, limits, lines string) string {
	return fmt.Sprintf("reverse_proxy {\ndynamic pool web {\nsource static %s\n%s\n}\n%s\n}", f, limits, lines)
}

func waitingAt(g *limit.Gate) (n int) {
	for c := range limit.Class(limit.ClassCount) {
		n += g.Waiting(c)
	}
	return n
}

// gateOf returns the gate of the pool web.
func gateOf(t *testing.T) (gate *limit.Gate) {
	t.Helper()
	endpoint.Each(func(name string, p *endpoint.Pool) bool {
		if name == "web" {
			gate = &p.Limits().Gate
		}
		return gate == nil
	})
	if gate == nil {
		t.Fatal("there is no pool web")
	}
	return gate
}

// awaitGate waits until requests are in flight and wait in the pool web.
func awaitGate(t *testing.T, inFlight, waiting int) {
	t.Helper()
	gate := gateOf(t)
	eventually(t, fmt.Sprintf("%d requests are in flight and %d wait", inFlight, waiting), func() bool {
		return gate.InFlight() == inFlight && waitingAt(gate) == waiting
	})
}

// inOrder sends requests one after the other, each when the one before waits, and returns where
// their answers come. first is how many wait already.
func inOrder(t *testing.T, c *client, inFlight, first int, classes ...string) map[string]chan answer {
	t.Helper()
	answers := make(map[string]chan answer)
	for i, class := range classes {
		path, a := fmt.Sprintf("/%s%d", class, i), make(chan answer, 1)
		answers[path] = a
		go func() { got, _ := c.get(path, "X-Priority", class); a <- got }()
		awaitGate(t, inFlight, first+i+1)
	}
	return answers
}

func TestRequestsBeyondTheMaximumWaitAndGoByClassAndInOrder(t *testing.T) {
	for policy, line := range map[string]string{"ours": roundRobin, "Caddy's": "lb_policy random"} {
		t.Run(policy, func(t *testing.T) {
			blocking := newBlockingHandler()
			fleet := startBackends(t, 2, blocking.serve)
			c := startProxy(t, gated(fleet, "max_in_flight 1\nqueue 10 1h {\nclass {header.X-Priority}\n}", line)).client()
			go c.get("/first")
			receive(t, blocking.arrived)
			inOrder(t, c, 1, 0, "sheddable", "normal", "critical", "other", "critical", "sheddable")
			for i, want := range []string{"/critical2", "/critical4", "/normal1", "/other3", "/sheddable0", "/sheddable5"} {
				blocking.release <- struct{}{}
				if r := receive(t, blocking.arrived); r.URL.Path != want {
					t.Errorf("request %d is %s, want %s", i, r.URL.Path, want)
				}
				awaitGate(t, 1, 5-i)
			}
			blocking.release <- struct{}{}
		})
	}
}

// expectRefused returns a function that fails the test unless an answer is a 503 that says when to
// come back.
func expectRefused(t *testing.T) func(answer, error) {
	return func(a answer, err error) {
		t.Helper()
		seconds, _ := strconv.Atoi(a.header.Get("Retry-After"))
		if err != nil || a.status != http.StatusServiceUnavailable || seconds < 1 || a.header.Get("Via") != "" {
			t.Errorf("got %+v, %v; want 503 with Retry-After", a, err)
		}
	}
}

func TestAFullQueueRefusesAtOnceAndTheLowestClassFirst(t *testing.T) {
	blocking := newBlockingHandler()
	fleet := startBackends(t, 1, blocking.serve)
	lines := waitsLong + "lb_retry_match {\nexpression `{rp.status_code} != 200`\n}"
	c := startProxy(t, gated(fleet, "max_in_flight 1\nqueue 2 1h {\nclass {header.X-Priority}\n}", lines)).client()
	go c.get("/first")
	receive(t, blocking.arrived)
	waiting := inOrder(t, c, 1, 0, "sheddable", "normal")
	expectRefused(t)(c.get("/", "X-Priority", "sheddable"))
	go c.get("/", "X-Priority", "critical")
	expectRefused(t)(receive(t, waiting["/sheddable0"]), nil)
	expectRefused(t)(c.get("/", "X-Priority", "sheddable"))
	if gate := gateOf(t); gate.Shed(limit.Sheddable) != 3 {
		t.Errorf("%d were counted as shed, want 3", gate.Shed(limit.Sheddable))
	}
	close(blocking.release)
}

func TestWithoutAQueueRequestsBeyondTheMaximumAreRefusedAtOnce(t *testing.T) {
	blocking := newBlockingHandler()
	fleet := startBackends(t, 2, blocking.serve)
	site := gated(fleet, "max_in_flight 3", waitsLong) + "\nhandle_errors {\nrespond \"{err.status_code} {err.message}\" 503\n}"
	p := startProxy(t, site, site)
	for i := range 3 {
		go p.client(i % 2).get("/")
		receive(t, blocking.arrived)
	}
	for i := range 2 {
		a, err := p.client(i).send(http.MethodPost, "/", strings.NewReader("body"))
		expectRefused(t)(a, err)
		if !strings.Contains(a.body, "as many requests in flight") {
			t.Errorf("the error is %q", a.body)
		}
	}
	close(blocking.release)
	awaitGate(t, 0, 0)
	expectOK(t)(p.client(1).get("/"))
}

func TestARequestThatWaitsTooLongIsRefused(t *testing.T) {
	blocking := newBlockingHandler()
	fleet := startBackends(t, 1, blocking.serve)
	c := startProxy(t, gated(fleet, "max_in_flight 1\nqueue 10 20ms", waitsLong)).client()
	go c.get("/first")
	receive(t, blocking.arrived)
	expectRefused(t)(c.get("/"))
	awaitGate(t, 1, 0)
	close(blocking.release)
}

func TestAClientThatGoesAwayLeavesTheQueue(t *testing.T) {
	blocking := newBlockingHandler()
	fleet := startBackends(t, 1, blocking.serve)
	c := startProxy(t, gated(fleet, "max_in_flight 1\nqueue 10 1h", "")).client()
	go c.get("/first")
	receive(t, blocking.arrived)
	ctx, leave := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		r, _ := http.NewRequestWithContext(ctx, http.MethodGet, c.base, nil)
		_, err := c.do(r)
		done <- err
	}()
	awaitGate(t, 1, 1)
	leave()
	if err := receive(t, done); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	awaitGate(t, 1, 0)
	close(blocking.release)
	awaitGate(t, 0, 0)
	if hits := fleet[0].hits.Load(); hits != 1 {
		t.Errorf("the backend got %d requests, want 1", hits)
	}
}
