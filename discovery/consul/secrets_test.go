package consul_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

func TestASecretShowsNowhere(t *testing.T) {
	for name, echo := range map[string]http.HandlerFunc{
		"refused":             caddytest.Echo(http.StatusForbidden, "text/plain", "", ""),
		"refused and cut off": caddytest.Echo(http.StatusForbidden, "text/plain", strings.Repeat("a", 300), ""),
		"not JSON":            caddytest.Echo(http.StatusOK, "application/json", "", ""),
		"a broken instance": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Consul-Index", "7")
			_, _ = w.Write([]byte(`[{"Node":{},"Service":{"ID":"a","Address":"h","Port":"` + r.Header.Get("X-Consul-Token") + `"}}]`))
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(echo)
			t.Cleanup(server.Close)
			caddytest.WantCanaryHidden(t, func(secret string) string {
				return "source consul web {\naddress " + server.URL + "\ntoken " + secret + "\n}"
			})
		})
	}
	t.Run("address", func(t *testing.T) {
		caddytest.WantCanaryHidden(t, func(secret string) string {
			return "source consul web {\naddress http://caddy:" + secret + "@127.0.0.1:1\n}"
		})
	})
}
