package layer4_test

import (
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/optionstest"
)

func TestAnErrorOfAWrongTypeNamesTheFieldAndNoTypeOfGo(t *testing.T) {
	optionstest.WantWrongTypesExplained(t, "/layer4")
}
