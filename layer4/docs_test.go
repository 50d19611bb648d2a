package layer4_test

import (
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/docs"
	"github.com/caddy-balance/caddy-balance/internal/golden"
)

func TestThePageOfTheHandlerAgreesWithIt(t *testing.T) {
	docs.Check(t, "..", "docs/layer4.md")
}

func TestTheExamplesLoadWithTheirServersDown(t *testing.T) {
	for _, name := range []string{"postgres", "redis", "dns-servers"} {
		golden.Example(t, "../examples/"+name+"/Caddyfile")
	}
}
