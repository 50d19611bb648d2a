package nacos_test

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
		"refused and cut off": caddytest.Echo(http.StatusForbidden, "text/plain", strings.Repeat("a", 100), ""),
		"not JSON":            caddytest.Echo(http.StatusOK, "application/json", "", ""),
		"no token":            caddytest.Echo(http.StatusOK, "application/json", `{"accessToken":0,"a":"`, `"}`),
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(echo)
			t.Cleanup(server.Close)
			caddytest.WantCanaryHidden(t, func(secret string) string {
				return "source nacos web {\nservers " + strings.TrimPrefix(server.URL, "http://") +
					"\nusername u" + secret + "\npassword " + secret + "\n}"
			})
		})
	}
	t.Run("servers", func(t *testing.T) {
		caddytest.WantCanaryHidden(t, func(secret string) string {
			return "source nacos web {\nservers caddy:" + secret + "@127.0.0.1:1\n}"
		})
	})
}
