package traffic

import (
	"bytes"
	"fmt"
	"net/http"
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

// refuseUpload answers before it has read the body, and closes the connection at once. Because of
// the body that it has not read, its system then resets the connection.
func refuseUpload(status int) handlerFunc {
	return func(b *backend, w http.ResponseWriter, r *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		fmt.Fprintf(conn, "HTTP/1.1 %d Refused\r\nConnection: close\r\nContent-Length: 7\r\n\r\nrefused", status)
		conn.Close()
	}
}

func TestAnAnswerBeforeTheEndOfAnUploadIsItsOutcome(t *testing.T) {
	cert := caddytest.NewCertificate(t)
	upload := bytes.Repeat([]byte("x"), 8<<20) // more than the buffers of a connection hold
	for protocol, serve := range map[string]serveFunc{"HTTP": serveHTTP, "HTTPS": serveTLS(cert)} {
		transport := "transport http {\nversions 1.1\n}\n"
		if protocol == "HTTPS" {
			transport = "transport http {\nversions 1.1\ntls_insecure_skip_verify\n}\n"
		}
		for _, status := range []int{http.StatusUnauthorized, http.StatusRequestEntityTooLarge} {
			for name, options := range map[string]string{"streamed": "", "buffered": "request_buffers 16MiB\n"} {
				for _, header := range [][]string{nil, {"Expect", "100-continue"}} {
					t.Run(fmt.Sprint(protocol, " ", status, " ", name, " ", header), func(t *testing.T) {
						fleet := startBackendsWith(t, 2, serve, refuseUpload(status))
						c := startProxy(t, checkedPool(fleet, ejecting, options+transport+roundRobin)).client()
						for range 5 {
							a, err := c.send(http.MethodPost, "/", bytes.NewReader(upload), header...)
							if err != nil || a.status != status || a.body != "refused" {
								t.Errorf("status %d, body %q, %v", a.status, a.body, err)
							}
						}
						expectNoEjection(t)
					})
				}
			}
		}
	}
}
