package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// testbed has backends, the registry that lists them, a Caddy that follows the registry, and load
// on it.
type testbed struct {
	t        *testing.T
	backends []*backend // b0 to b2
	registry registry
	proxy    *proxy
	*load
}

// shortGrace is the option of a pool that confirms a loss within seconds.
const shortGrace = "empty_grace 3s"

// startTestbed registers three backends and sends requests until the test ends. It returns once the
// requests are shared evenly.
func startTestbed(t *testing.T, r registry) *testbed {
	t.Helper()
	c := &testbed{t: t, registry: r, backends: startBackends(t, "b0", "b1", "b2"), proxy: startProxy(t, r)}
	for _, b := range c.backends {
		r.put(b.entry())
	}
	eventually(t, "the backends are listed", func() bool { return source().Entries == len(c.backends) })
	c.load = startLoad(t, c.proxy)
	c.expect(each(c.backends...))
	return c
}

// startProxy starts a proxy with a pool of the registry. When the test ends, it expects that no
// connection to the registry is left.
func startProxy(t *testing.T, r registry, transport ...string) *proxy {
	t.Helper()
	p := newProxy(t, site(r, transport...))
	if s, ok := r.(server); ok {
		t.Cleanup(func() {
			p.stop()
			eventually(t, "no connection to the registry is left", func() bool { return s.registryLink().open() == 0 })
		})
	}
	if i, ok := r.(partOfCaddy); ok {
		i.of(p)
	}
	p.start()
	return p
}

// site returns a site that proxies to a pool of the registry.
func site(r registry, transport ...string) string {
	return fmt.Sprintf("reverse_proxy {\ndynamic pool web {\nsource %s\n%s\n}\nlb_policy smooth_weighted_round_robin\n%s\n}",
		r.source(), shortGrace, strings.Join(transport, "\n"))
}

// join starts another backend and registers it.
func (c *testbed) join(name string) *backend {
	c.t.Helper()
	b := startBackend(c.t, name)
	c.backends = append(c.backends, b)
	c.registry.put(b.entry())
	return b
}

// finish stops the load and expects that no request has failed.
func (c *testbed) finish() {
	c.t.Helper()
	c.end()
	c.expectNoErrors()
}

// published returns how many lists the pool has published so far.
func published() int { return logged.Count(`"msg":"pool changed"`) }

// source returns the status of the pool's only source.
func source() (s endpoint.SourceStatus) {
	endpoint.Each(func(_ string, p *endpoint.Pool) bool {
		if all := p.Sources(); len(all) > 0 {
			s = all[0]
		}
		return true
	})
	return s
}

// awaitFailures waits until the source has failed n more times.
func awaitFailures(t *testing.T, n int) {
	t.Helper()
	last, seen := source().LastErrorAt, 0
	eventually(t, fmt.Sprintf("the source fails %d times", n), func() bool {
		if at := source().LastErrorAt; at != last {
			last = at
			seen++
		}
		return seen >= n
	})
	t.Logf("the source failed %d times, at last with: %s", n, source().LastError)
}

func awaitState(t *testing.T, want endpoint.SourceState) {
	t.Helper()
	var s endpoint.SourceStatus
	for deadline := time.Now().Add(waitLimit); s.State != want; s = source() {
		if time.Now().After(deadline) {
			t.Fatalf("the source is %s after %s, want %s: %+v", s.State, waitLimit, want, s)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
