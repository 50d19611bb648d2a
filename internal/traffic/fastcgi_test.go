package traffic

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

// Such an attempt goes on until its endpoint answers, and so would the request.
func TestRequestsOverFastCGIAreNotHedged(t *testing.T) {
	s := new(slowing)
	fleet := startBackendsWith(t, 2, serveFastCGI, s.answer)
	logged.Reset()
	p := startProxyWith(t, "metrics", poolWith(staticEndpoints(fleet, "", "")+hedged, roundRobin+"\ntransport fastcgi"))
	c := p.client()
	teach(t, c)
	s.slow.Store(true)
	for range 4 {
		expectOK(t)(c.get("/"))
	}
	found := p.scrape()
	for _, result := range []string{"won", "lost"} {
		if n := found[`pool_hedges_total{pool="web",result="`+result+`"}`]; n != 0 {
			t.Errorf("%v hedges %s", n, result)
		}
	}
	if n := logged.Count(`"msg":"requests are not hedged over FastCGI"`, `"pool":"web"`); n != 1 {
		t.Errorf("the log has %d lines", n)
	}
}

// slowing is a backend handler that answers at once, unless slow is set: then b0 takes a while.
type slowing struct{ slow atomic.Bool }

func (s *slowing) answer(b *backend, w http.ResponseWriter, r *http.Request) {
	if s.slow.Load() && b.name == "b0" {
		time.Sleep(200 * time.Millisecond)
	}
	writeName(b, w, r)
}

// The transport would go on waiting for the endpoint.
func TestEndingRequestsOverFastCGIIsRefused(t *testing.T) {
	p := &proxy{Caddy: caddytest.New(t), t: t}
	p.run(p.text("respond ok"))
	const lines = "source static 127.0.0.1:1\nclose_on_unhealthy 1s"
	err := p.reloadAlone(poolWith(lines, "transport fastcgi"))
	if want := "close_on_unhealthy: needs another transport than fastcgi"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %q", err, want)
	}
	if err := p.reloadAlone(poolWith(lines, "")); err != nil {
		t.Error(err)
	}
}
