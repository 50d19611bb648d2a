package databases_test

import (
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/optionstest"
)

func TestAZeroIsHonouredOrRefusedInEachOption(t *testing.T) {
	optionstest.WantZerosHonouredOrRefused(t, optionstest.Options(t, "/healthprobe/databases"))
}

func TestAnErrorOfAWrongTypeNamesTheFieldAndNoTypeOfGo(t *testing.T) {
	optionstest.WantWrongTypesExplained(t, "/healthprobe/databases")
}
