package traffic

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/certmagic"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/healthprobe"
	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

func init() {
	for _, m := range []caddy.Module{new(deafSource), new(deafProbe), new(deafStorage), new(deafHandler)} {
		caddy.RegisterModule(m)
	}
}

// hearing has a channel that is closed when deaf modules may return. Until then they ignore the end
// of their contexts.
var hearing atomic.Pointer[chan struct{}]

// deafCalls counts the calls that hang.
var deafCalls atomic.Int32

// becomeDeaf makes deaf modules hang until the returned function is called.
func becomeDeaf() (hear func()) {
	now := make(chan struct{})
	hearing.Store(&now)
	deafCalls.Store(0)
	return func() { close(now) }
}

func hang() {
	deafCalls.Add(1)
	<-*hearing.Load()
}

// noOptions is for modules whose Caddyfile is their name.
type noOptions struct{}

func (noOptions) UnmarshalCaddyfile(d *caddyfile.Dispenser) error { d.Next(); return nil }

// deafSource reports one list and then ignores the end of its context.
type deafSource struct {
	Address string `json:"address,omitempty"`
}

func (*deafSource) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.reverse_proxy.upstreams.pool.sources.deaf", New: func() caddy.Module { return new(deafSource) }}
}

func (s *deafSource) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	d.Args(&s.Address)
	return nil
}

func (s *deafSource) Run(_ context.Context, report discovery.Report) error {
	report(discovery.Answer{Endpoints: []discovery.Endpoint{{Address: s.Address, Weight: 1}}})
	hang()
	report(discovery.Answer{Endpoints: []discovery.Endpoint{{Address: "127.0.0.1:1", Weight: 1}}})
	return errors.New("too late")
}

// deafProbe ignores its time limit.
type deafProbe struct{ noOptions }

func (*deafProbe) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.reverse_proxy.upstreams.pool.probes.deaf", New: func() caddy.Module { return new(deafProbe) }}
}

func (*deafProbe) Check(context.Context, *healthprobe.Target) error {
	hang()
	return nil
}

// deafStorage is a storage whose files are on a server that is gone.
type deafStorage struct {
	noOptions
	certmagic.Storage `json:"-"`
}

func (*deafStorage) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "caddy.storage.deaf", New: func() caddy.Module { return new(deafStorage) }}
}

func (s *deafStorage) CertMagicStorage() (certmagic.Storage, error) {
	s.Storage = &certmagic.FileStorage{Path: caddy.AppDataDir()}
	return s, nil
}

func (s *deafStorage) Load(ctx context.Context, key string) ([]byte, error) {
	if strings.HasPrefix(key, discovery.RecordFolder) {
		hang()
	}
	return s.Storage.Load(ctx, key)
}

func (s *deafStorage) Store(ctx context.Context, key string, value []byte) error {
	if strings.HasPrefix(key, discovery.RecordFolder) {
		hang()
	}
	return s.Storage.Store(ctx, key, value)
}

// deafHandler is an event handler that does not return.
type deafHandler struct{ noOptions }

func (*deafHandler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "events.handlers.deaf", New: func() caddy.Module { return new(deafHandler) }}
}

func (*deafHandler) Handle(context.Context, caddy.Event) error {
	hang()
	return nil
}

// reloadLimit is far above the grace of what hangs, and far below the sum over several pools.
const reloadLimit = 15 * time.Second

func TestAReloadDoesNotWaitForWhatHangs(t *testing.T) {
	fleet := startBackends(t, 2)
	pool := func(name, source, options string) string {
		return "route /" + name + "* {\nreverse_proxy {\ndynamic pool " + name + " {\nsource " + source + "\n" + options + "\n}\n}\n}\n"
	}
	list := startListServer(t, fleet, nil)
	network := "http http://" + list.address
	many := ""
	for _, name := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
		many += pool(name, "deaf "+fleet[0].address, "")
	}
	for name, c := range map[string]struct{ globals, site, line, names string }{
		"a source":       {"", pool("a", "deaf "+fleet[0].address, ""), "source does not stop and is abandoned", `"source":"deaf"`},
		"many sources":   {"", many, "source does not stop and is abandoned", `"pool":"a"`},
		"a probe":        {"", pool("a", "static "+fleet[0].address, "health {\nprobe deaf\n}"), "probe does not stop and is abandoned", `"probe":"deaf"`},
		"a storage":      {"storage deaf", pool("a", network, ""), "storing the last good list failed", "no answer"},
		"event handlers": {"events {\non draining deaf\n}", pool("a", "static {\nendpoint "+fleet[0].address+" {\ndraining\n}\n}", ""), "event handler does not stop and is abandoned", `"pool":"a"`},
	} {
		t.Run(name, func(t *testing.T) {
			hear := sync.OnceFunc(becomeDeaf())
			p := &proxy{Caddy: caddytest.New(t), t: t}
			text := func(site string) string {
				return "{\nadmin unix/" + p.AdminSocket() + "\npersist_config off\nskip_install_trust\nauto_https off\n" +
					"log {\noutput test\n}\n" + c.globals + "\n}\nhttp:// {\nbind unix/" + p.SiteSocket(0) + "\n" + site + "\n}\n"
			}
			p.run(text(c.site))
			t.Cleanup(hear) // before the goroutines are counted
			expectOK(t)(p.client().get("/a"))
			if c.globals != "storage deaf" { // which hangs no earlier than the last write
				eventually(t, "something hangs", func() bool { return deafCalls.Load() > 0 })
			}
			start := time.Now()
			if err := p.Reload(p.Adapt(text("respond reloaded"))); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(start); took > reloadLimit {
				t.Errorf("the reload took %s", took)
			}
			eventually(t, "a line names what hangs", func() bool { return logged.Count(c.line, c.names) == 1 })
		})
	}
}
