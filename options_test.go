package balance_test

import (
	"testing"

	_ "github.com/caddyserver/caddy/v2/modules/standard" // the server that the modules are for

	_ "github.com/caddy-balance/caddy-balance"
	"github.com/caddy-balance/caddy-balance/internal/optionstest"
)

func TestAZeroIsHonouredOrRefusedInEachOption(t *testing.T) {
	optionstest.WantZerosHonouredOrRefused(t, optionstest.Options(t, ""))
}

// required has the options that a module cannot do without, by the ID of the module.
var required = map[string]string{
	"http.reverse_proxy.selection_policies.split": `{"groups": [
		{"name": "canary", "match": {"id": "a"}, "steps": [{"share": 5, "for": "1m"}, {"share": 100}]}, {"name": "stable"}
	], "sticky": {"cookie": {"name": "group"}}}`,
	"http.reverse_proxy.upstreams.pool":                   `{"name": "web", "sources": [{"source": "static", "endpoints": ["a:1"]}]}`,
	"http.reverse_proxy.upstreams.pool.health":            `{"probes": [{"probe": {"probe": "tcp"}}]}`,
	"http.reverse_proxy.upstreams.pool.sources.http":      `{"url": "http://a"}`,
	"http.reverse_proxy.upstreams.pool.sources.dns":       `{"type": "srv", "name": "a"}`,
	"http.reverse_proxy.upstreams.pool.sources.upstreams": `{"from": {"source": "srv", "name": "a"}}`,
}

func TestANumberForADurationIsRefusedInEachOptionAndTheErrorTellsTheUnit(t *testing.T) {
	optionstest.WantNumbersRefused(t, optionstest.Options(t, ""), required)
}

func TestAnErrorOfAWrongTypeNamesTheFieldAndNoTypeOfGo(t *testing.T) {
	optionstest.WantWrongTypesExplained(t, "")
}
