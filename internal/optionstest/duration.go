package optionstest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/golden"
)

// WantNumbersRefused expects of each option that is a duration that the number 10, which is ten
// nanoseconds, is refused with an error that names the option and the unit. required has the
// options that a module cannot do without, by the ID of the module.
func WantNumbersRefused(t *testing.T, all []Option, required map[string]string) {
	t.Helper()
	for i := range all {
		o := &all[i]
		if !o.IsDuration() {
			continue
		}
		base := required[o.Module]
		if base == "" {
			base = "{}"
		}
		err := golden.Load(t, []byte(configWith(o.Module, string(o.With(t, base, "10")))))
		name := o.Path[len(o.Path)-1].name
		want := name + ": 10ns is less than "
		if err == nil || !strings.Contains(err.Error(), want) ||
			!strings.Contains(err.Error(), "a number in JSON is in nanoseconds") {
			t.Errorf("%s: %s: got %v; want %s", o.Module, o.Name(), err, want)
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
		return `{"source": "pool", "name": "web", "sources": [{"source": "static", "endpoints": ["a:1"]}], "` +
			field + `": ` + value + `}`
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
	return `{"apps": {"http": {"servers": {"s": {"routes": [{"handle": [` +
		`{"handler": "reverse_proxy", ` + handler + `}]}]}}}}}`
}
