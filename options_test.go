package balance_test

import (
	"fmt"
	"strings"
	"testing"

	_ "github.com/caddyserver/caddy/v2/modules/standard" // the server that the modules are for

	_ "github.com/caddy-balance/caddy-balance"
	"github.com/caddy-balance/caddy-balance/internal/golden"
	"github.com/caddy-balance/caddy-balance/internal/optionstest"
)

func TestAZeroIsHonouredOrRefusedInEachOption(t *testing.T) {
	optionstest.WantZerosHonouredOrRefused(t, optionstest.Options(t, ""))
}

// required has the options that a module cannot do without, by the ID of the module.
var required = map[string]string{
	"http.reverse_proxy.upstreams.pool":                   `{"name": "web", "sources": [{"source": "static", "endpoints": ["a:1"]}]}`,
	"http.reverse_proxy.upstreams.pool.health":            `{"probes": [{"probe": {"probe": "tcp"}}]}`,
	"http.reverse_proxy.upstreams.pool.sources.http":      `{"url": "http://a"}`,
	"http.reverse_proxy.upstreams.pool.sources.dns":       `{"type": "srv", "name": "a"}`,
	"http.reverse_proxy.upstreams.pool.sources.upstreams": `{"from": {"source": "srv", "name": "a"}}`,
}

func TestANumberForADurationIsRefusedInEachOptionAndTheErrorTellsTheUnit(t *testing.T) {
	for _, option := range optionstest.Options(t, "") {
		if !option.IsDuration() {
			continue
		}
		base := required[option.Module]
		if base == "" {
			base = "{}"
		}
		config := configWith(option.Module, string(option.With(t, base, "10")))
		err := golden.Load(t, []byte(config))
		name := option.Name()
		want := name[strings.LastIndex(name, ".")+1:] + ": 10ns is less than "
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "a number in JSON is in nanoseconds") {
			t.Errorf("%s: %s: got %v; want %s", option.Module, name, err, want)
		}
	}
}

// configWith returns the config of a server with one module of a reverse proxy.
func configWith(id, module string) string {
	namespace, name := id[:strings.LastIndex(id, ".")], id[strings.LastIndex(id, ".")+1:]
	inline := func(key string) string {
		return strings.Replace(strings.Replace(module, "{", fmt.Sprintf(`{%q: %q,`, key, name), 1), ",}", "}", 1)
	}
	pool := func(field, value string) string {
		return `{"source": "pool", "name": "web", "sources": [{"source": "static", "endpoints": ["a:1"]}], "` + field + `": ` + value + `}`
	}
	handler := ""
	switch namespace {
	case "http.reverse_proxy.selection_policies":
		handler = `"load_balancing": {"selection_policy": ` + inline("policy") + `}, "upstreams": [{"dial": "a:1"}]`
	case "http.reverse_proxy.upstreams.pool.sources":
		handler = `"dynamic_upstreams": {"source": "pool", "name": "web", "sources": [` + inline("source") + `]}`
	case "http.reverse_proxy.upstreams.pool":
		handler = `"dynamic_upstreams": ` + pool(name, module)
	case "http.reverse_proxy.upstreams":
		handler = `"dynamic_upstreams": ` + inline("source")
	}
	return `{"apps": {"http": {"servers": {"s": {"routes": [{"handle": [{"handler": "reverse_proxy", ` + handler + `}]}]}}}}}`
}
