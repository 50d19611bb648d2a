package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// chain is all of it: backends, the registry that lists them, Caddy, and the load on it.
type chain struct {
	t        *testing.T
	backends []*backend // b0 to b2
	registry registry
	proxy    *proxy
	*load
}

// poolOptions make it believe a loss within seconds.
const poolOptions = "empty_grace 3s"

// startChain registers three backends and has requests shared evenly among them until the test ends.
func startChain(t *testing.T, r registry) *chain {
	t.Helper()
	c := &chain{t: t, registry: r, backends: startBackends(t, "b0", "b1", "b2"), proxy: startProxy(t, r)}
	for _, b := range c.backends {
		r.put(b.entry())
	}
	eventually(t, "the backends are listed", func() bool { return source().Entries == len(c.backends) })
	c.load = startLoad(t, c.proxy)
	c.expect(each(c.backends...))
	return c
}

// startProxy has a pool from the registry, and no connection to it after the end.
func startProxy(t *testing.T, r registry, transport ...string) *proxy {
	t.Helper()
	p := newProxy(t, site(r, transport...))
	if s, ok := r.(server); ok {
		t.Cleanup(func() {
			p.stop()
			eventually(t, "no connection to the registry is left", func() bool { return s.between().open() == 0 })
		})
	}
	if i, ok := r.(inside); ok {
		i.of(p)
	}
	p.start()
	return p
}

func site(r registry, transport ...string) string {
	return fmt.Sprintf("reverse_proxy {\ndynamic pool web {\nsource %s\n%s\n}\nlb_policy smooth_weighted_round_robin\n%s\n}",
		r.source(), poolOptions, strings.Join(transport, "\n"))
}

// join starts one more backend and registers it.
func (c *chain) join(name string) *backend {
	c.t.Helper()
	b := startBackend(c.t, name)
	c.backends = append(c.backends, b)
	c.registry.put(b.entry())
	return b
}

// finish ends the load, of which no request may have failed.
func (c *chain) finish() {
	c.t.Helper()
	c.end()
	c.expectNoErrors()
}

// published is how often the pool's list changed so far.
func published() int { return logged.count(`"msg":"pool changed"`) }

// source is how the pool's only source is doing.
func source() (s endpoint.SourceStatus) {
	endpoint.Each(func(_ string, p *endpoint.Pool) bool {
		if all := p.Sources(); len(all) > 0 {
			s = all[0]
		}
		return true
	})
	return s
}

// awaitFailures waits until the source has failed again and again.
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
	for deadline := time.Now().Add(patience); s.State != want; s = source() {
		if time.Now().After(deadline) {
			t.Fatalf("the source is %s after %s, want %s: %+v", s.State, patience, want, s)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
