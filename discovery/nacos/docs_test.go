package nacos_test

import (
	"testing"

	_ "github.com/caddy-balance/caddy-balance"
	_ "github.com/caddy-balance/caddy-balance/discovery/nacos"
	"github.com/caddy-balance/caddy-balance/internal/docs"
)

func TestThePageOfTheSourceAgreesWithIt(t *testing.T) {
	docs.Check(t, "../..", "docs/sources/nacos.md")
}
