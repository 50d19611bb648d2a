package lbpolicy

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// everyPolicy runs a test for each registered policy, in a reverse proxy with these upstreams,
// which are written as address or address/limit.
func everyPolicy(t *testing.T, upstreams string, test func(t *testing.T, h *host)) {
	for _, name := range registered(t) {
		t.Run(name, func(t *testing.T) { test(t, newHost(t, name, upstreams)) })
	}
	t.Run("sticky, all in one session", func(t *testing.T) {
		test(t, newHostWith(t, `{"policy":"sticky","header":{"name":"Host"}}`, upstreams))
	})
	t.Run("split, an endpoint in a group of its own", func(t *testing.T) {
		test(t, newHostWith(t, `{"policy":"split","groups":[
			{"name":"all"},{"name":"one","match":{"address":"a:1"},"share":30}
		]}`, upstreams))
	})
}

// everySharingPolicy runs a test for each registered policy that gives all endpoints their shares,
// in a reverse proxy without upstreams.
func everySharingPolicy(t *testing.T, test func(t *testing.T, h *host)) {
	everyPolicy(t, "", func(t *testing.T, h *host) {
		if _, fills := h.policy.(*WeightedFirst); fills {
			t.Skip("it gives nothing to an endpoint before those in front of it are full")
		}
		if p, ok := h.policy.(*Sticky); ok && p.Header != nil {
			t.Skip("all requests are of one session")
		}
		if p, ok := h.policy.(*Split); ok && p.Groups[1].Match["address"] != "" {
			t.Skip("it gives groups their shares, however many endpoints they have")
		}
		test(t, h)
	})
}

// registered returns the names of the policies of this package.
func registered(t *testing.T) (names []string) {
	const namespace = "http.reverse_proxy.selection_policies"
	for _, info := range caddy.GetModules(namespace) {
		if _, ours := info.New().(policy); ours {
			names = append(names, info.ID.Name())
		}
	}
	if len(names) < 6 {
		t.Fatalf("found only %v", names)
	}
	return names
}

// host is a reverse proxy with a policy of this package.
type host struct {
	*reverseproxy.Handler
	policy policy
}

func newHost(t *testing.T, name, upstreams string) *host {
	t.Helper()
	return newHostWith(t, fmt.Sprintf(`{"policy":%q%s}`, name, required[name]), upstreams)
}

// newHostWith is newHost with the config of a policy.
func newHostWith(t *testing.T, config, upstreams string) *host {
	t.Helper()
	var list []string
	for u := range strings.FieldsSeq(upstreams) {
		dial, limit, _ := strings.Cut(u, "/")
		list = append(list, fmt.Sprintf(`{"dial":%q,"max_requests":%s}`, dial, cmp.Or(limit, "0")))
	}
	module, err := loadHandler(t, fmt.Sprintf(`{"upstreams":[%s],"load_balancing":{"selection_policy":%s}}`,
		strings.Join(list, ","), config))
	if err != nil {
		t.Fatal(err)
	}
	h := &host{module, module.LoadBalancing.SelectionPolicy.(policy)}
	t.Cleanup(h.clean)
	return h
}

// clean ends the policy, and those that are loaded in it.
func (h *host) clean() { cleanPolicy(h.policy) }

func cleanPolicy(p policy) {
	selectorOf(p).Cleanup()
	var guests []any
	switch p := p.(type) {
	case *Sticky:
		guests = append(guests, p.guest)
	case *Split:
		for i := range p.Groups {
			guests = append(guests, p.Groups[i].guest)
		}
	}
	for _, guest := range guests {
		if ours, ok := guest.(policy); ok {
			cleanPolicy(ours)
		}
	}
}

func loadHandler(t *testing.T, config string) (*reverseproxy.Handler, error) {
	t.Helper()
	ctx, err := caddy.ProvisionContext(&caddy.Config{Admin: &caddy.AdminConfig{Disabled: true}})
	if err != nil {
		t.Fatal(err)
	}
	module, err := ctx.LoadModuleByID("http.handlers.reverse_proxy", json.RawMessage(config))
	if err != nil {
		return nil, err
	}
	return module.(*reverseproxy.Handler), nil
}

// request returns a request as a server passes it to the reverse proxy. It is over when the test
// calls end.
func request(t *testing.T, path string) (r *http.Request, end func()) {
	ctx := context.WithValue(t.Context(), caddyhttp.VarsCtxKey, make(map[string]any))
	ctx, end = context.WithCancel(ctx)
	r = httptest.NewRequest(http.MethodGet, path, nil).WithContext(ctx)
	repl := caddyhttp.NewTestReplacer(r)
	return r.WithContext(context.WithValue(ctx, caddy.ReplacerCtxKey, repl)), end
}

func (h *host) selectFor(r *http.Request) string {
	u := h.policy.Select(h.Upstreams, r, nil)
	if u == nil {
		return ""
	}
	return u.Dial
}

func (h *host) endpoints(t *testing.T) map[string]*endpoint.Endpoint {
	r, end := request(t, "/")
	defer end()
	h.selectFor(r) // it joins the upstreams with their endpoints
	found := make(map[string]*endpoint.Endpoint)
	for _, m := range selectorOf(h.policy).static.latest.Load().members {
		found[m.Address()] = m.Endpoint
	}
	return found
}

func selectorOf(p policy) *selector {
	switch p := p.(type) {
	case *SmoothWeightedRoundRobin:
		return &p.selector
	case *AdaptiveLatency:
		return &p.selector
	case *BoundedLoadHash:
		return &p.selector
	case *WeightedLeastConn:
		return &p.selector
	case *WeightedRandom:
		return &p.selector
	case *WeightedFirst:
		return &p.selector
	case *Sticky:
		return &p.selector
	case *Split:
		return &p.selector
	}
	panic("a policy without selector")
}

func address(i int) string { return fmt.Sprintf("10.1.%d.%d:80", i/200, i%200) }

// shares counts the picks of each endpoint of a pool that is idle otherwise.
func shares(t *testing.T, p policy, weights []int, requests int) map[string]int {
	roster, release := endpoint.AcquireStatic()
	defer release()
	infos := make([]listing.Info, len(weights))
	for i, w := range weights {
		infos[i] = listing.Info{Address: address(i), Weight: w}
	}
	roster.Replace(infos)
	picker := p.NewPicker(roster, nil)
	defer picker.Stop()
	counts := map[string]int{}
	for i := range requests {
		r, end := request(t, fmt.Sprint("/", i))
		e, _ := picker.Pick(r)
		counts[e.Address()]++
		end()
		waitFor(t, func() bool { return e.InFlight() == 0 })
	}
	return counts
}

// waitFor waits for work that other goroutines do when a request is over.
func waitFor(t *testing.T, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !done(); runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatal("the condition is not reached")
		}
	}
}
