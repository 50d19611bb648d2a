package traffic

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
)

// asked is which backends each request was sent to, in order, by the request's X-Id.
type asked struct {
	mu  sync.Mutex
	ids map[string][]string
}

// note returns how many times the request was sent.
func (a *asked) note(b *backend, r *http.Request) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ids == nil {
		a.ids = make(map[string][]string)
	}
	id := r.Header.Get("X-Id")
	a.ids[id] = append(a.ids[id], b.name)
	return len(a.ids[id])
}

// expectAll expects that a request was sent to each backend before it went to any twice.
func (a *asked) expectAll(t *testing.T, id string, f fleet) {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	first := slices.Clone(a.ids[id])
	first = first[:min(len(first), len(f))]
	if slices.Sort(first); len(slices.Compact(first)) != len(f) {
		t.Errorf("of %d backends, one request was sent to %v in turn", len(f), a.ids[id])
	}
}

// hangUp ends the connection without an answer.
func hangUp(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err == nil {
		conn.Close()
	}
}

// ourPolicies are all policies, in every way in which they come to a pick.
var ourPolicies = map[string]string{
	"smooth_weighted_round_robin":                      "lb_policy smooth_weighted_round_robin",
	"adaptive_latency":                                 "lb_policy adaptive_latency",
	"bounded_load_hash":                                "lb_policy bounded_load_hash {uri}",
	"bounded_load_hash without a key":                  "lb_policy bounded_load_hash {header.None}",
	"bounded_load_hash falls back to one of Caddy's":   "lb_policy bounded_load_hash {header.None} {\n fallback first\n}",
	"bounded_load_hash falls back to another one here": "lb_policy bounded_load_hash {header.None} {\n fallback smooth_weighted_round_robin\n}",
}

// upstreamsOf are all ways to give backends to a reverse proxy.
func upstreamsOf(f fleet) map[string]string {
	half := len(f) / 2
	return map[string]string{
		"static": fmt.Sprintf("to %s", f),
		"a pool": fmt.Sprintf("dynamic pool web {\n source static %s\n}", f),
		"pools below multi": fmt.Sprintf("dynamic multi {\n pool one {\n source static %s\n}\n pool two {\n source static %s\n}\n}",
			f[:half], f[half:]),
	}
}

// forEveryPolicyAndUpstreams makes a site of each combination, in one config, where those with
// the same pool share it.
func forEveryPolicyAndUpstreams(t *testing.T, f fleet, options string, test func(t *testing.T, c *client)) {
	t.Helper()
	var names, sites []string
	for policy, line := range ourPolicies {
		for kind, upstreams := range upstreamsOf(f) {
			names = append(names, policy+"/"+kind)
			sites = append(sites, fmt.Sprintf("reverse_proxy {\n%s\n%s\n%s\n}", upstreams, line, options))
		}
	}
	p := startProxy(t, sites...)
	for i, name := range names {
		t.Run(name, func(t *testing.T) { test(t, p.client(i)) })
	}
}

const reconnecting = `
	transport http {
		keepalive off # or Go repeats a request on its own if a connection that was idle breaks
	}`

func TestARetryGoesToAnEndpointThatWasNotAskedWhileThereIsOne(t *testing.T) {
	var asked asked
	fleet := startBackends(t, 4, func(b *backend, w http.ResponseWriter, r *http.Request) {
		asked.note(b, r)
		hangUp(w)
	})
	forEveryPolicyAndUpstreams(t, fleet, "lb_retries 3"+reconnecting, func(t *testing.T, c *client) {
		for i := range amount(12, 4) {
			id := fmt.Sprint(t.Name(), i)
			expect(t, http.StatusBadGateway)(c.get(fmt.Sprint("/", i), "X-Id", id))
			asked.expectAll(t, id, fleet)
		}
	})
}

func TestARetryMayGoBackOnceAllWereAsked(t *testing.T) {
	var asked asked
	fleet := startBackends(t, 3, func(b *backend, w http.ResponseWriter, r *http.Request) {
		if asked.note(b, r) < 6 {
			hangUp(w)
		}
	})
	forEveryPolicyAndUpstreams(t, fleet, "lb_retries 5"+reconnecting, func(t *testing.T, c *client) {
		for i := range amount(6, 2) {
			id := fmt.Sprint(t.Name(), i)
			must(t)(c.get(fmt.Sprint("/", i), "X-Id", id))
			asked.expectAll(t, id, fleet)
		}
	})
}

func TestOneWorkingBackendAmongRefusingOnesIsFoundWithARetryForEach(t *testing.T) {
	fleet := startBackends(t, 4)
	for _, b := range fleet[:3] {
		b.kill()
	}
	forEveryPolicyAndUpstreams(t, fleet, "lb_retries 3", func(t *testing.T, c *client) {
		for i := range amount(20, 5) {
			must(t)(c.get(fmt.Sprint("/", i)))
		}
	})
}

func TestARequestIsInFlightOnlyWhereItIsTriedNow(t *testing.T) {
	held := newHeld()
	fleet := startBackends(t, 3, held.serve)
	for _, b := range fleet[:2] {
		b.kill()
	}
	forEveryPolicyAndUpstreams(t, fleet, "lb_retries 2", func(t *testing.T, c *client) {
		done := make(chan error)
		go func() { _, err := c.get("/"); done <- err }()
		receive(t, held.arrived)
		expectInFlight(t, fleet[2:].each(1))
		held.goOn <- struct{}{}
		if err := receive(t, done); err != nil {
			t.Error(err)
		}
		expectInFlight(t, nil)
	})
}

func TestAResponseThatIsRetriedGoesToAnotherEndpoint(t *testing.T) {
	var asked asked
	fleet := startBackends(t, 4, func(b *backend, w http.ResponseWriter, r *http.Request) {
		asked.note(b, r)
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprint(w, "busy")
	})
	const options = "lb_retries 3\nlb_retry_match {\nexpression {rp.status_code} == 503\n}"
	forEveryPolicyAndUpstreams(t, fleet, options, func(t *testing.T, c *client) {
		for i := range amount(6, 2) {
			id := fmt.Sprint(t.Name(), i)
			expect(t, http.StatusServiceUnavailable)(c.send(http.MethodPost, fmt.Sprint("/", i), nil, "X-Id", id))
			asked.expectAll(t, id, fleet)
		}
	})
}

func TestARetryKeepsItsBodyIfThatIsBuffered(t *testing.T) {
	var asked asked
	fleet := startBackends(t, 4, func(b *backend, w http.ResponseWriter, r *http.Request) {
		if asked.note(b, r) < 4 {
			io.CopyN(io.Discard, r.Body, 3)
			hangUp(w)
			return
		}
		io.Copy(w, r.Body)
	})
	const options = "lb_retries 3\nrequest_buffers 1MiB\nlb_retry_match {\nmethod POST\n}" + reconnecting
	forEveryPolicyAndUpstreams(t, fleet, options, func(t *testing.T, c *client) {
		a := must(t)(c.send(http.MethodPost, "/", strings.NewReader("the whole body"), "X-Id", t.Name()))
		if a.body != "the whole body" {
			t.Errorf("the last backend read %q", a.body)
		}
		asked.expectAll(t, t.Name(), fleet)
	})
}
