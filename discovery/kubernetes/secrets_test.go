package kubernetes

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

func TestASecretShowsNowhere(t *testing.T) {
	for name, echo := range map[string]http.HandlerFunc{
		"refused":  caddytest.Echo(http.StatusForbidden, "text/plain", "", ""),
		"status":   caddytest.Echo(http.StatusForbidden, "application/json", `{"kind":"Status","apiVersion":"v1","status":"Failure","code":403,"message":"`, `"}`),
		"not JSON": caddytest.Echo(http.StatusOK, "application/json", "", ""),
		"no list":  caddytest.Echo(http.StatusOK, "application/json", `{"kind":"`, `"}`),
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(echo)
			t.Cleanup(server.Close)
			caddytest.WantCanaryHidden(t, func(secret string) string {
				return "source kubernetes web {\napi_server " + server.URL + "\ntoken " + secret + "\n}"
			})
			t.Run("token_file", func(t *testing.T) {
				path := t.TempDir() + "/token"
				writeFile(t, path, caddytest.Canary)
				err := runSource(t, &Source{Service: "web", APIServer: server.URL, TokenFile: path}).wantsEnd()
				if err == nil || strings.Contains(err.Error(), caddytest.Canary) {
					t.Errorf("got %v", err)
				}
			})
		})
	}
	t.Run("api_server", func(t *testing.T) {
		caddytest.WantCanaryHidden(t, func(secret string) string {
			return "source kubernetes web {\napi_server https://caddy:" + secret + "@127.0.0.1:1\n}"
		})
	})
}
