package healthprobe

import (
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/healthprobe/outlier"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/endpointtest"
)

func TestAPassedCheckReadmitsIfThatIsWanted(t *testing.T) {
	detection := &outlier.Detection{Readmit: "probe"}
	if err := detection.Provision(caddy.Context{}); err != nil {
		t.Fatal(err)
	}
	p := script()
	endpointtest.Run(t, func(w *endpointtest.Pool) {
		w.List("a", "b")
		w.Pass(time.Minute)
		p.set(p.hangs, "a", true) // so that no check passes for now
		w.Pass(6 * time.Second)
		for range 5 {
			w.Endpoint("a").Observe(endpoint.Result{Status: 500, Latency: time.Millisecond})
		}
		w.Pass(34 * time.Second)
		if b := w.Endpoint("a").Breaker(); b != "open" {
			t.Errorf("the breaker is %s", b)
		}
		p.set(p.hangs, "a", false)
		w.Pass(15 * time.Second)
		if b := w.Endpoint("a").Breaker(); b != "closed" {
			t.Errorf("the breaker is %s", b)
		}
	}, health(p), detection)
}
