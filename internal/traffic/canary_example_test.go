package traffic

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

const canaryExample = "../../examples/canary/Caddyfile"

// canaryExampleFor returns the example with free ports, on the site's socket, with a first step of
// a second and a second one without end, and with the folder in which it looks for the file.
func canaryExampleFor(t *testing.T, p *proxy, folder string) string {
	t.Helper()
	data, err := os.ReadFile(canaryExample)
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	replace := func(old, with string) {
		if !strings.Contains(text, old) {
			t.Fatalf("the example has no %q", old)
		}
		text = strings.ReplaceAll(text, old, with)
	}
	for _, port := range []string{"9081", "9082", "9083"} {
		_, free, err := net.SplitHostPort(caddytest.FreeAddress(t))
		if err != nil {
			t.Fatal(err)
		}
		replace(":"+port, ":"+free)
	}
	replace("http://:8097 {\n\tbind 127.0.0.1", "http:// {\n\tbind unix/"+p.SiteSocket(0))
	replace("root examples/canary", "root "+folder)
	replace("10% 30s, 50% 30s", "10% 1s, 50% 1h")
	return text
}

func TestTheCanaryExampleTakesItsStepsAndStopsWhenItBreaks(t *testing.T) {
	folder := t.TempDir()
	p := startProxyText(t, func(p *proxy) string { return canaryExampleFor(t, p, folder) })
	c := p.client()
	group := func() (g endpoint.Group) {
		for _, g = range endpoint.Current("shop").Groups() {
			if g.Name == "canary" {
				break
			}
		}
		return g
	}
	visit := func(path string) {
		for range 50 {
			if _, err := c.get(path); err != nil {
				t.Fatal(err)
			}
		}
	}
	a := expectOK(t)(c.get("/", "X-Version", "canary"))
	if a.body != "v2" || a.header.Get("Served-By") != "canary" {
		t.Errorf("a tester got %q, served by %q", a.body, a.header.Get("Served-By"))
	}
	eventually(t, "the canary takes a step", func() bool { visit("/cart"); return group().Share == 50 })
	if err := os.WriteFile(filepath.Join(folder, "broken"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the canary is stopped", func() bool { visit("/cart"); return group().Share == 0 })
	if g := group(); g.Guard != endpoint.GuardStopped || !strings.Contains(g.Set.Reason, "GET /cart") {
		t.Errorf("it is %+v, %+v", g, g.Set)
	}
	for range 20 {
		if a, err := c.get("/cart"); err != nil || a.status != http.StatusOK || a.body != "v1" {
			t.Fatal(fmt.Errorf("then a visitor got %q: %w", a.body, err))
		}
	}
}
