package databases

import (
	"os"
	"strings"
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// startExample starts a Caddy with the Caddyfile of an example, in which texts such as addresses
// are replaced. Caddy runs until the test ends, and must leave no pool behind.
func startExample(t *testing.T, name string, replacements ...string) *caddytest.Caddy {
	t.Helper()
	text, err := os.ReadFile("../../../examples/" + name + "/Caddyfile")
	if err != nil {
		t.Fatal(err)
	}
	// The global options are all there is.
	_, block, _ := strings.Cut(string(text), "\n{\n")
	options := strings.TrimSuffix(strings.TrimSpace(block), "}")
	for i := 0; i < len(replacements); i += 2 {
		if !strings.Contains(options, replacements[i]) {
			t.Fatalf("the example %s has no %s", name, replacements[i])
		}
	}
	return start(t, strings.NewReplacer(replacements...).Replace(options))
}

// start starts a Caddy with these global options.
func start(t *testing.T, options string) *caddytest.Caddy {
	t.Helper()
	c := caddytest.New(t)
	caddytest.Log.Reset()
	t.Cleanup(func() {
		c.Stop()
		endpoint.Each(func(name string, _ *endpoint.Pool) bool {
			t.Errorf("pool %q is left", name)
			return true
		})
		if t.Failed() {
			caddytest.Log.Dump(t, func(line string) bool { return strings.Contains(line, "upstreams") })
		}
	})
	c.Start(c.GlobalOptions(options))
	return c
}
