package kubernetes

import (
	"testing"

	_ "github.com/caddyserver/caddy/v2/modules/standard" // the server that the module is for

	"github.com/caddy-balance/caddy-balance/internal/optionstest"
)

func TestAZeroIsHonouredOrRefusedInEachOption(t *testing.T) {
	optionstest.WantZerosHonouredOrRefused(t, optionstest.Options(t, "/discovery/kubernetes"))
}

func TestANumberForADurationIsRefusedInEachOptionAndTheErrorTellsTheUnit(t *testing.T) {
	optionstest.WantNumbersRefused(t, optionstest.Options(t, "/discovery/kubernetes"), map[string]string{
		"http.reverse_proxy.upstreams.pool.sources.kubernetes": `{"service": "web"}`,
	})
}

func TestAnErrorOfAWrongTypeNamesTheFieldAndNoTypeOfGo(t *testing.T) {
	optionstest.WantWrongTypesExplained(t, "/discovery/kubernetes")
}
