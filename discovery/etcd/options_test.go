package etcd_test

import (
	"testing"

	_ "github.com/caddyserver/caddy/v2/modules/standard" // the server that the module is for

	"github.com/caddy-balance/caddy-balance/internal/optionstest"
)

func TestAZeroIsHonouredOrRefusedInEachOption(t *testing.T) {
	optionstest.WantZerosHonouredOrRefused(t, optionstest.Options(t, "/discovery/etcd"))
}

func TestANumberForADurationIsRefusedInEachOptionAndTheErrorTellsTheUnit(t *testing.T) {
	optionstest.WantNumbersRefused(t, optionstest.Options(t, "/discovery/etcd"), map[string]string{
		"http.reverse_proxy.upstreams.pool.sources.etcd": `{"prefix": "web/", "endpoints": ["127.0.0.1:1"]}`,
	})
}

func TestAnErrorOfAWrongTypeNamesTheFieldAndNoTypeOfGo(t *testing.T) {
	optionstest.WantWrongTypesExplained(t, "/discovery/etcd")
}
