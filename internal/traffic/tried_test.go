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

// attemptLog records to which backends each request was sent, in order, by the request's X-Id.
type attemptLog struct {
	mu  sync.Mutex
	ids map[string][]string
}

// record adds an attempt and returns the number of attempts of its request so far.
func (a *attemptLog) record(b *backend, r *http.Request) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ids == nil {
		a.ids = make(map[string][]string)
	}
	id := r.Header.Get("X-Id")
	a.ids[id] = append(a.ids[id], b.name)
	return len(a.ids[id])
}

// expectAllTried expects that a request was sent to each backend once before it was sent to any
// again.
func (a *attemptLog) expectAllTried(t *testing.T, id string, f fleet) {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	first := slices.Clone(a.ids[id])
	first = first[:min(len(first), len(f))]
	if slices.Sort(first); len(slices.Compact(first)) != len(f) {
		t.Errorf("of %d backends, a request was sent to %v in turn", len(f), a.ids[id])
	}
}

// closeConnection closes the connection of a request without an answer.
func closeConnection(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err == nil {
		conn.Close()
	}
}

// ownFallback is the line of a policy that falls back to another one of ours.
const ownFallback = "lb_policy bounded_load_hash {header.None} {\nfallback smooth_weighted_round_robin\n}"

// ourPolicies are the lines of our policies, with every way in which they make a pick.
var ourPolicies = map[string]string{
	"smooth_weighted_round_robin":                      roundRobin,
	"adaptive_latency":                                 "lb_policy adaptive_latency",
	"bounded_load_hash":                                "lb_policy bounded_load_hash {uri}",
	"bounded_load_hash without a key":                  "lb_policy bounded_load_hash {header.None}",
	"bounded_load_hash falls back to one of Caddy's":   "lb_policy bounded_load_hash {header.None} {\n fallback first\n}",
	"bounded_load_hash falls back to another one here": ownFallback,
	"weighted_least_conn":                              "lb_policy weighted_least_conn",
	"weighted_random":                                  "lb_policy weighted_random",
	"weighted_first":                                   "lb_policy weighted_first",
}

// upstreamsOf returns all ways to give backends to a reverse proxy, as lines of it.
func upstreamsOf(f fleet) map[string]string {
	half := len(f) / 2
	return map[string]string{
		"static": fmt.Sprintf("to %s", f),
		"a pool": fmt.Sprintf("dynamic pool web {\n source static %s\n}", f),
		"pools below multi": fmt.Sprintf(`dynamic multi {
			pool one {
				source static %s
			}
			pool two {
				source static %s
			}
		}`, f[:half], f[half:]),
	}
}

// forEveryPolicyAndUpstreams runs a test for each combination of a policy and a way to give it the
// backends. All are sites of one config, where those with the same pool share it.
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

// reconnecting is a transport without idle connections. Go repeats a request by itself if an idle
// connection breaks.
const reconnecting = `
	transport http {
		keepalive off
	}`

func TestARetryGoesToAnUntriedEndpointIfThereIsOne(t *testing.T) {
	var attempts attemptLog
	fleet := startBackends(t, 4, func(b *backend, w http.ResponseWriter, r *http.Request) {
		attempts.record(b, r)
		closeConnection(w)
	})
	forEveryPolicyAndUpstreams(t, fleet, "lb_retries 3"+reconnecting, func(t *testing.T, c *client) {
		for i := range amount(12, 4) {
			id := fmt.Sprint(t.Name(), i)
			expectStatus(t, http.StatusBadGateway)(c.get(fmt.Sprint("/", i), "X-Id", id))
			attempts.expectAllTried(t, id, fleet)
		}
	})
}

func TestARetryMayGoBackOnceAllWereTried(t *testing.T) {
	var attempts attemptLog
	fleet := startBackends(t, 3, func(b *backend, w http.ResponseWriter, r *http.Request) {
		if attempts.record(b, r) < 6 {
			closeConnection(w)
		}
	})
	forEveryPolicyAndUpstreams(t, fleet, "lb_retries 5"+reconnecting, func(t *testing.T, c *client) {
		for i := range amount(6, 2) {
			id := fmt.Sprint(t.Name(), i)
			expectOK(t)(c.get(fmt.Sprint("/", i), "X-Id", id))
			attempts.expectAllTried(t, id, fleet)
		}
	})
}

func TestRetriesFindTheOnlyWorkingBackend(t *testing.T) {
	fleet := startBackends(t, 4)
	for _, b := range fleet[:3] {
		b.kill()
	}
	forEveryPolicyAndUpstreams(t, fleet, "lb_retries 3", func(t *testing.T, c *client) {
		for i := range amount(20, 5) {
			expectOK(t)(c.get(fmt.Sprint("/", i)))
		}
	})
}

func TestARequestIsInFlightOnlyWhereItIsTriedNow(t *testing.T) {
	blocking := newBlockingHandler()
	fleet := startBackends(t, 3, blocking.serve)
	for _, b := range fleet[:2] {
		b.kill()
	}
	forEveryPolicyAndUpstreams(t, fleet, "lb_retries 2", func(t *testing.T, c *client) {
		done := make(chan error)
		go func() { _, err := c.get("/"); done <- err }()
		receive(t, blocking.arrived)
		expectInFlight(t, fleet[2:].each(1))
		blocking.release <- struct{}{}
		if err := receive(t, done); err != nil {
			t.Error(err)
		}
		expectInFlight(t, nil)
	})
}

func TestARetryAfterAResponseGoesToAnotherEndpoint(t *testing.T) {
	var attempts attemptLog
	fleet := startBackends(t, 4, func(b *backend, w http.ResponseWriter, r *http.Request) {
		attempts.record(b, r)
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprint(w, "busy")
	})
	const options = "lb_retries 3\nlb_retry_match {\nexpression {rp.status_code} == 503\n}"
	forEveryPolicyAndUpstreams(t, fleet, options, func(t *testing.T, c *client) {
		for i := range amount(6, 2) {
			id := fmt.Sprint(t.Name(), i)
			expectStatus(t, http.StatusServiceUnavailable)(c.send(http.MethodPost, fmt.Sprint("/", i), nil, "X-Id", id))
			attempts.expectAllTried(t, id, fleet)
		}
	})
}

func TestARetryResendsABufferedBody(t *testing.T) {
	var attempts attemptLog
	fleet := startBackends(t, 4, func(b *backend, w http.ResponseWriter, r *http.Request) {
		if attempts.record(b, r) < 4 {
			io.CopyN(io.Discard, r.Body, 3)
			closeConnection(w)
			return
		}
		io.Copy(w, r.Body)
	})
	const options = "lb_retries 3\nrequest_buffers 1MiB\nlb_retry_match {\nmethod POST\n}" + reconnecting
	forEveryPolicyAndUpstreams(t, fleet, options, func(t *testing.T, c *client) {
		a := expectOK(t)(c.send(http.MethodPost, "/", strings.NewReader("the whole body"), "X-Id", t.Name()))
		if a.body != "the whole body" {
			t.Errorf("the last backend read %q", a.body)
		}
		attempts.expectAllTried(t, t.Name(), fleet)
	})
}
