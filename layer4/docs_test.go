package layer4_test

import (
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/docs"
	"github.com/caddy-balance/caddy-balance/internal/golden"
)

func TestThePageOfTheHandlerAgreesWithIt(t *testing.T) {
	docs.Check(t, "..", "docs/layer4.md")
}

func TestTheExampleLoadsWithItsDatabasesDown(t *testing.T) {
	golden.Example(t, "../examples/postgres/Caddyfile")
}
