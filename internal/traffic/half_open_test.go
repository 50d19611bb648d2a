package traffic

import (
	"net/http"
	"sync/atomic"
	"testing"
)

func TestAnEjectedEndpointComesBackWhileWebSocketsAreOpenThere(t *testing.T) {
	for policy, line := range map[string]string{
		"smooth_weighted_round_robin": roundRobin,
		"weighted_least_conn":         "lb_policy weighted_least_conn",
		"weighted_random":             "lb_policy weighted_random",
		"Caddy's":                     "lb_policy round_robin",
	} {
		t.Run(policy, func(t *testing.T) {
			var broken atomic.Bool
			fleet := startBackends(t, 2, func(b *backend, w http.ResponseWriter, r *http.Request) {
				if b.name == "b0" && r.URL.Path != "/ws" && broken.Load() {
					w.WriteHeader(http.StatusInternalServerError)
					return
				}
				streaming(b, w, r)
			})
			c := startProxy(t, checkedPool(fleet, ejectAtFirstFailure("300ms"), line)).client()
			for range 8 {
				expectEcho(t, openSocket(t, c), "open")
			}
			broken.Store(true)
			eventually(t, "b0 is ejected", func() bool {
				c.get("/")
				return len(logged.With("endpoint is ejected")) > 0
			})
			broken.Store(false)
			eventually(t, "b0 serves again", func() bool {
				a, err := c.get("/")
				return err == nil && a.status == http.StatusOK && a.backend == "b0"
			})
		})
	}
}
