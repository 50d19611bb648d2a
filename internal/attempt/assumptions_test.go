package attempt_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	_ "github.com/caddyserver/caddy/v2/modules/caddyevents"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy/fastcgi"

	_ "github.com/caddy-balance/caddy-balance"
	"github.com/caddy-balance/caddy-balance/internal/attempt"
)

// A test here that fails after an upgrade of Caddy means that Caddy changed a property that this
// package relies on.

// implemented are the interfaces that Caddy looks for on a transport. One that is missing here must
// be added to Transport, so that calls reach the wrapped transport.
var implemented = map[string]any{
	"BufferedTransport":                   reverseproxy.BufferedTransport((*attempt.Transport)(nil)),
	"ContentLengthRequiredTransport":      reverseproxy.ContentLengthRequiredTransport((*attempt.Transport)(nil)),
	"RequestHeaderOpsTransport":           reverseproxy.RequestHeaderOpsTransport((*attempt.Transport)(nil)),
	"ProxyProtocolTransport":              reverseproxy.ProxyProtocolTransport((*attempt.Transport)(nil)),
	"HealthCheckSchemeOverriderTransport": reverseproxy.HealthCheckSchemeOverriderTransport((*attempt.Transport)(nil)),
	"TLSTransport":                        reverseproxy.TLSTransport((*attempt.Transport)(nil)),
	"H2CTransport":                        reverseproxy.H2CTransport((*attempt.Transport)(nil)),
}

func TestTransportHasEveryInterfaceThatCaddyLooksFor(t *testing.T) {
	found := make(map[string]bool)
	for _, file := range reverseProxyFiles(t) {
		for _, name := range assertionsOnTransports(t, file) {
			found[name] = true
		}
	}
	if got, want := slices.Sorted(maps.Keys(found)), slices.Sorted(maps.Keys(implemented)); !slices.Equal(got, want) {
		t.Errorf("Caddy looks for\n%v, and this list has\n%v", got, want)
	}
}

func reverseProxyFiles(t *testing.T) (files []string) {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/caddyserver/caddy/v2").Output()
	if err != nil {
		t.Fatal(err)
	}
	root := filepath.Join(strings.TrimSpace(string(dir)), "modules", "caddyhttp", "reverseproxy")
	err = filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") {
			files = append(files, path)
		}
		return err
	})
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files in %s, %v", len(files), root, err)
	}
	return files
}

// assertionsOnTransports returns the X of all Transport.(X), and of all transport.(X).
func assertionsOnTransports(t *testing.T, path string) (names []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		assertion, ok := n.(*ast.TypeAssertExpr)
		if !ok || !strings.EqualFold(lastName(assertion.X), "transport") {
			return true
		}
		if assertion.Type == nil {
			t.Errorf("%s has a type switch over transports; add what it looks for by hand", path)
			return true
		}
		names = append(names, lastName(assertion.Type))
		return true
	})
	return names
}

func lastName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	case *ast.StarExpr:
		return lastName(e.X)
	}
	return ""
}

// provision loads a reverse proxy as Caddy does.
func provision(t *testing.T, config string) *reverseproxy.Handler {
	t.Helper()
	ctx, err := caddy.ProvisionContext(&caddy.Config{Admin: &caddy.AdminConfig{Disabled: true}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := caddy.NewContext(ctx)
	t.Cleanup(cancel)
	module, err := ctx.LoadModuleByID("http.handlers.reverse_proxy", json.RawMessage(config))
	if err != nil {
		t.Fatal(err)
	}
	return module.(*reverseproxy.Handler)
}

const (
	sources = `"sources": [{"source": "static", "endpoints": ["127.0.0.1:1"]}]`
	onePool = `"dynamic_upstreams": {"source": "pool", "name": "web", ` + sources + `}`
	static  = `"upstreams": [{"dial": "127.0.0.1:1"}]`
	ours    = `"load_balancing": {"selection_policy": {"policy": "smooth_weighted_round_robin"}}`
	theirs  = `"load_balancing": {"selection_policy": {"policy": "first"}}`
	nested  = `"load_balancing": {"selection_policy": {"policy": "bounded_load_hash", "key": "{uri}",
		"fallback": {"policy": "smooth_weighted_round_robin"}}}`
	within = `"load_balancing": {"selection_policy": {"policy": "cookie",
		"fallback": {"policy": "smooth_weighted_round_robin"}}}`
	multi = `"dynamic_upstreams": {"source": "multi", "sources": [
		{"source": "pool", "name": "a", ` + sources + `}, {"source": "pool", "name": "b", ` + sources + `}]}`
)

func TestOneTransportWrapsTheHandlersOwn(t *testing.T) {
	for name, parts := range map[string][]string{
		"a pool alone":                        {onePool},
		"a policy alone":                      {static, ours},
		"both":                                {onePool, ours},
		"a pool and a policy of Caddy's":      {onePool, theirs},
		"a policy with a fallback":            {onePool, nested},
		"a policy that is Caddy's fallback":   {static, within},
		"several pools and a policy":          {multi, ours},
		"several pools and one of Caddy's":    {multi, theirs},
		"a pool and static upstreams as well": {onePool, static, ours},
	} {
		for transport, inside := range map[string]func(http.RoundTripper) bool{
			"": isA[*reverseproxy.HTTPTransport],
			`"transport": {"protocol": "http", "versions": ["h2c"]}`: isA[*reverseproxy.HTTPTransport],
			`"transport": {"protocol": "fastcgi"}`:                   isA[*fastcgi.Transport],
		} {
			t.Run(name+"/"+transport, func(t *testing.T) {
				all := slices.DeleteFunc(append(slices.Clone(parts), transport), func(part string) bool { return part == "" })
				h := provision(t, "{"+strings.Join(all, ", ")+"}")
				outer, ok := h.Transport.(*attempt.Transport)
				if !ok {
					t.Fatalf("the transport is %T", h.Transport)
				}
				if !inside(outer.RoundTripper) {
					t.Errorf("the wrapped transport is %T", outer.RoundTripper)
				}
			})
		}
	}
}

func isA[T http.RoundTripper](r http.RoundTripper) bool {
	_, ok := r.(T)
	return ok
}

func TestAHandlerWithoutOurModulesKeepsItsTransport(t *testing.T) {
	if h := provision(t, "{"+static+", "+theirs+"}"); !isA[*reverseproxy.HTTPTransport](h.Transport) {
		t.Errorf("the transport is %T", h.Transport)
	}
}

func TestAPoolWithoutAPolicyGetsAdaptiveLatency(t *testing.T) {
	for name, config := range map[string]string{
		"none":         onePool,
		"retries only": onePool + `, "load_balancing": {"retries": 3}`,
	} {
		t.Run(name, func(t *testing.T) {
			h := provision(t, "{"+config+"}")
			id := h.LoadBalancing.SelectionPolicy.(caddy.Module).CaddyModule().ID
			if id != "http.reverse_proxy.selection_policies.adaptive_latency" {
				t.Errorf("the policy is %s", id)
			}
		})
	}
}

func TestSettingsOfTheWrappedTransportReachTheHandler(t *testing.T) {
	h := provision(t, "{"+onePool+`, "transport": {"protocol": "fastcgi"}}`)
	outer := h.Transport.(*attempt.Transport)
	if !outer.RequiresContentLength() || h.RequestBuffers == 0 {
		t.Errorf("FastCGI requires a length: %v; buffers requests: %d", outer.RequiresContentLength(), h.RequestBuffers)
	}
	h = provision(t, "{"+onePool+`, "transport": {"protocol": "http", "tls": {}, "proxy_protocol": "v2"}}`)
	outer = h.Transport.(*attempt.Transport)
	if !outer.TLSEnabled() || !outer.ProxyProtocolEnabled() || outer.RequestHeaderOps() == nil {
		t.Errorf("TLS %v, PROXY protocol %v, header operations %v",
			outer.TLSEnabled(), outer.ProxyProtocolEnabled(), outer.RequestHeaderOps())
	}
}

// recorder is a policy and a source that records what it sees of its handler in Provision.
type recorder struct {
	reverseproxy.Selector       `json:"-"`
	reverseproxy.UpstreamSource `json:"-"`
	id                          caddy.ModuleID
}

type sighting struct {
	transport, policy bool
	handler           *reverseproxy.Handler
}

var seen = make(map[caddy.ModuleID]sighting)

const (
	recorderPolicy = "http.reverse_proxy.selection_policies.recorder"
	recorderSource = "http.reverse_proxy.upstreams.recorder"
)

func init() {
	caddy.RegisterModule(&recorder{id: recorderPolicy})
	caddy.RegisterModule(&recorder{id: recorderSource})
}

func (r *recorder) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: r.id, New: func() caddy.Module { return &recorder{id: r.id} }}
}

func (r *recorder) Provision(ctx caddy.Context) error {
	var s sighting
	for _, m := range ctx.Modules() {
		if h, ok := m.(*reverseproxy.Handler); ok {
			s.handler = h
			s.transport = h.Transport != nil
			s.policy = h.LoadBalancing != nil && h.LoadBalancing.SelectionPolicy != nil
		}
	}
	seen[r.id] = s
	return nil
}

func TestAModuleSeesItsHandlerAndWhatIsLoadedByThen(t *testing.T) {
	h := provision(t, `{"transport": {"protocol": "http"}, "dynamic_upstreams": {"source": "recorder"},
		"load_balancing": {"selection_policy": {"policy": "recorder"}}}`)
	if s := seen[recorderPolicy]; s.handler != h || !s.transport || s.policy {
		t.Errorf("the policy sees %+v", s)
	}
	if s := seen[recorderSource]; s.handler != h || !s.transport || !s.policy {
		t.Errorf("the source sees %+v", s)
	}
	provision(t, `{"load_balancing": {"selection_policy": {"policy": "recorder"}}}`)
	if seen[recorderPolicy].transport {
		t.Error("Caddy makes its default transport before the policy, so there are two")
	}
}
