package traffic

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// running is a backend handler whose requests run until the proxy ends them.
type running struct {
	began, ended chan string
	lost         atomic.Bool // the first backend has no role
}

func newRunning() *running {
	return &running{began: make(chan string, 100), ended: make(chan string, 100)}
}

func (s *running) answer(b *backend, w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/waits":
		s.began <- b.name
		<-r.Context().Done()
		s.ended <- b.name
	case "/upgrade":
		keepUpgraded(w, func() { s.began <- b.name })
		s.ended <- b.name
	case "/streams":
		w.WriteHeader(http.StatusOK)
		_, _ = io.WriteString(w, "first\n")
		_ = http.NewResponseController(w).Flush()
		s.began <- b.name
		<-r.Context().Done()
		s.ended <- b.name
	default:
		writeName(b, w, r)
	}
}

// startRoles starts a pool of two, the second of which takes over when the first fails its checks.
func startRoles(t *testing.T, s *running, more, options string) (*proxy, fleet) {
	t.Helper()
	fleet := startBackends(t, 2, func(b *backend, w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/primary" {
			if b.name == "b0" && s.lost.Load() {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
			return
		}
		s.answer(b, w, r)
	})
	lines := staticEndpoints(fleet, "", "priority 1") + fastChecks("http /primary", longTimeout)
	return startProxyWith(t, "metrics", poolWith(lines+"\n"+more, options)), fleet
}

func TestRequestsAreEndedWhenTheirEndpointLosesItsRole(t *testing.T) {
	s := newRunning()
	p, _ := startRoles(t, s, "close_on_unhealthy 0s", "")
	c := p.client()
	stream, err := c.Get(c.base + "/streams")
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	body := bufio.NewReader(stream.Body)
	if line, _ := body.ReadString('\n'); line != "first\n" {
		t.Fatalf("got %q", line)
	}
	receive(t, s.began)
	waits := make(chan int, 1)
	go func() {
		a, _ := p.client().get("/waits")
		waits <- a.status
	}()
	receive(t, s.began)
	s.lost.Store(true)
	if status := receive(t, waits); status != http.StatusBadGateway {
		t.Errorf("the request that waited got %d", status)
	}
	if rest, err := io.ReadAll(body); err == nil {
		t.Errorf("the answer did not break off after %q", rest)
	}
	for range 2 {
		receive(t, s.ended)
	}
	if a := expectOK(t)(c.get("/")); a.backend != "b1" {
		t.Errorf("%s answered", a.backend)
	}
	p.expectSeries(map[string]float64{
		`pool_attempts_total{outcome="nothing",pool="web",reason="role_lost"}`: 2,
		`pool_requests_in_flight{pool="web"}`:                                  0,
	})
}

func TestARequestThatWaitedIsRetriedWhereTheRoleIsNow(t *testing.T) {
	s := newRunning()
	p, fleet := startRoles(t, s, "close_on_unhealthy 0s", "lb_retries 1")
	got := make(chan answer, 1)
	go func() {
		a, _ := p.client().get("/waits")
		got <- a
	}()
	if name := receive(t, s.began); name != "b0" {
		t.Fatalf("%s got the request", name)
	}
	s.lost.Store(true)
	if name := receive(t, s.began); name != "b1" {
		t.Fatalf("%s got the request", name)
	}
	fleet[1].kill()
	receive(t, got)
}

func TestWebsocketsAreClosedWhenTheirEndpointLosesItsRole(t *testing.T) {
	s := newRunning()
	p, _ := startRoles(t, s, "close_on_unhealthy 50ms", "")
	conn, err := net.Dial("unix", p.SiteSocket(0))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "GET /upgrade HTTP/1.1\r\nHost: site\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n")
	receive(t, s.began)
	s.lost.Store(true)
	if sent, err := io.ReadAll(conn); err != nil || !strings.Contains(string(sent), " 101 ") {
		t.Errorf("the connection ended with %q, %v", sent, err)
	}
	receive(t, s.ended)
	p.expectSeries(map[string]float64{`pool_attempts_total{outcome="nothing",pool="web",reason="role_lost"}`: 1})
}

func TestRequestsStayWithoutCloseOnUnhealthy(t *testing.T) {
	s := newRunning()
	p, _ := startRoles(t, s, "", "")
	c := p.client()
	stream, err := c.Get(c.base + "/streams")
	if err != nil {
		t.Fatal(err)
	}
	receive(t, s.began)
	s.lost.Store(true)
	eventually(t, "b1 serves", func() bool { return expectOK(t)(p.client().get("/")).backend == "b1" })
	select {
	case <-s.ended:
		t.Error("the request was ended")
	case <-time.After(100 * time.Millisecond):
	}
	stream.Body.Close()
	receive(t, s.ended)
}

func TestANewConfigEndsWhatBeganWithTheOldOne(t *testing.T) {
	s := newRunning()
	p, fleet := startRoles(t, s, "close_on_unhealthy 1h", "")
	c := p.client()
	stream, err := c.Get(c.base + "/streams")
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	receive(t, s.began)
	lines := staticEndpoints(fleet, "", "priority 1") + fastChecks("http /primary", longTimeout)
	if err := p.reload(poolWith(lines+"\nclose_on_unhealthy 0s", "")); err != nil {
		t.Fatal(err)
	}
	s.lost.Store(true)
	receive(t, s.ended)
}
