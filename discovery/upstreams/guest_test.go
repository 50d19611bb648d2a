package upstreams

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
)

func init() { caddy.RegisterModule(new(guestUpstreams)) }

// guestUpstreams is an upstream source module whose behaviour the test chooses.
type guestUpstreams struct {
	Mistake bool `json:"mistake,omitempty"`
	cleaned bool
}

// guest is the behaviour of all guestUpstreams.
var guest struct {
	sync.Mutex
	get   func(g *guestUpstreams, r *http.Request) ([]*reverseproxy.Upstream, error)
	asked int
}

func (*guestUpstreams) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.reverse_proxy.upstreams.guest", New: func() caddy.Module { return new(guestUpstreams) }}
}

func (g *guestUpstreams) Provision(caddy.Context) error {
	if g.Mistake {
		return errors.New("a mistake")
	}
	return nil
}

func (g *guestUpstreams) Cleanup() error {
	g.cleaned = true
	return nil
}

func (g *guestUpstreams) GetUpstreams(r *http.Request) ([]*reverseproxy.Upstream, error) {
	guest.Lock()
	guest.asked++
	get := guest.get
	guest.Unlock()
	return get(g, r)
}

func guestIs(get func(g *guestUpstreams, r *http.Request) ([]*reverseproxy.Upstream, error)) {
	guest.Lock()
	defer guest.Unlock()
	guest.get, guest.asked = get, 0
}

func timesAsked() int {
	guest.Lock()
	defer guest.Unlock()
	return guest.asked
}

func guestHas(addresses ...string) {
	guestIs(func(*guestUpstreams, *http.Request) ([]*reverseproxy.Upstream, error) {
		return upstreamsAt(addresses...), nil
	})
}

func upstreamsAt(addresses ...string) []*reverseproxy.Upstream {
	var all []*reverseproxy.Upstream
	for _, a := range addresses {
		all = append(all, &reverseproxy.Upstream{Dial: a})
	}
	return all
}

// provision loads a source as a config does. end ends that config.
func provision(t *testing.T, text string) (s *Source, end func()) {
	t.Helper()
	ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
	end = sync.OnceFunc(cancel)
	t.Cleanup(end)
	module, err := ctx.LoadModuleByID("http.reverse_proxy.upstreams.pool.sources.upstreams", json.RawMessage(text))
	if err != nil {
		t.Fatal(err)
	}
	return module.(*Source), end
}
