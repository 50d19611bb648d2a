package traffic

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// quickHealth sees within a tenth of a second that an endpoint is down, within three quarters of one that it hangs, and a
// bit later that it is back. A shorter timeout would find healthy ones slow on a machine that is busy.
const quickHealth = `health {
	probe %s
	interval 100ms
	fast_interval 20ms
	timeout 300ms
	fall 2
	rise 2
}
`

// firstFailure ejects at the first failure, so that no more requests fail than were in flight then, for so long that checks have
// seen it too when the ejection ends.
const firstFailure = `outlier {
	consecutive_failures 1
	max_ejected_percent 50%
	base_ejection 1s
	interval 100ms
}
`

// impatient is a transport that does not wait for long, in place of clients that do not.
const impatient = `
	transport http {
		response_header_timeout 300ms
		keepalive 2s
		%s
	}
`

func watched(f fleet, poolOptions, options string) string {
	return fmt.Sprintf("reverse_proxy {\ndynamic pool web {\nsource static %s\n%s\n}\n%s\n}", f, poolOptions, options)
}

// load is requests, a few at once all the time, and what became of them.
type steady struct {
	sent, failed atomic.Int64
	stop         func()
}

const atOnce = 8

// press sends requests until it is stopped.
func press(t *testing.T, p *proxy) *steady {
	s, end := new(steady), make(chan struct{})
	var all sync.WaitGroup
	for range atOnce {
		c := p.client()
		all.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-end:
					return
				default:
				}
				s.sent.Add(1)
				if err := getOne(c, i); err != nil {
					s.failed.Add(1)
				}
			}
		})
	}
	s.stop = sync.OnceFunc(func() { close(end); all.Wait() })
	t.Cleanup(s.stop)
	return s
}

// idle waits until a backend gets no more requests; it may still get checks.
func (b *backend) awaitIdle(t *testing.T) {
	t.Helper()
	eventually(t, b.name+" gets no more requests", func() bool {
		before := b.requests.Load()
		time.Sleep(100 * time.Millisecond)
		return b.requests.Load() == before
	})
}

func (b *backend) awaitRequests(t *testing.T) {
	t.Helper()
	before := b.requests.Load()
	eventually(t, b.name+" gets requests again", func() bool { return b.requests.Load() > before+10 })
}

// outage makes the first backend ill under load, and well again, and returns how many clients saw a failure.
func outage(t *testing.T, p *proxy, s *sickbay, ill sickness) int64 {
	load, b := press(t, p), s.fleet[0]
	b.awaitRequests(t)
	ill.fall(s, b)
	b.awaitIdle(t)
	ill.heal(s, b)
	b.awaitRequests(t)
	load.stop()
	t.Logf("%d of %d requests failed", load.failed.Load(), load.sent.Load())
	return load.failed.Load()
}

func TestClientsSeeAtMostWhatWasInFlightAtTheFirstFailure(t *testing.T) {
	c := newCertificate(t)
	secured := fmt.Sprintf("tls_trust_pool file %s\ntls_server_name %s\n", c.cert, serverName)
	for protocol, behind := range map[string]struct {
		probe, transport string
		serve            func(*http.Server, net.Listener) error
	}{
		"http": {probe: "http /healthz"},
		"https": {probe: "http /healthz {\n" + secured + "}", transport: "versions 1.1\n" + secured, serve: func(s *http.Server, l net.Listener) error {
			s.TLSConfig = &tls.Config{Certificates: []tls.Certificate{c.pair}}
			return s.ServeTLS(l, "", "")
		}},
	} {
		for _, ill := range sicknesses {
			for _, retries := range []int{0, 1} {
				t.Run(fmt.Sprintf("%s/%s/%d retries", protocol, ill.name, retries), func(t *testing.T) {
					s := newSickbay(t, 3, behind.serve)
					options := fmt.Sprintf("%s\nlb_retries %d\nlb_retry_match expression `{rp.status_code} in [500, 503]`\nlb_retry_match method GET\n", roundRobin, retries)
					p := startProxy(t, watched(s.fleet, fmt.Sprintf(quickHealth, behind.probe)+firstFailure, options+fmt.Sprintf(impatient, behind.transport)))
					failed := outage(t, p, s, ill)
					if failed > int64(atOnce*(1-retries)) {
						t.Errorf("%d requests failed, with %d clients and %d retries", failed, atOnce, retries)
					}
				})
			}
		}
	}
}

func TestATCPProbeSeesWhoDoesNotListen(t *testing.T) {
	s := newSickbay(t, 3)
	p := startProxy(t, watched(s.fleet, fmt.Sprintf(quickHealth, "tcp"), roundRobin+"\nlb_retries 1"))
	if failed := outage(t, p, s, sicknesses[0]); failed > 0 {
		t.Errorf("%d requests failed", failed)
	}
}

func TestWhoFlapsDisturbsNobody(t *testing.T) {
	s := newSickbay(t, 3)
	p := startProxy(t, watched(s.fleet, fmt.Sprintf(quickHealth, "http /healthz")+firstFailure, roundRobin+"\nlb_retries 1"))
	load := press(t, p)
	for range amount(20, 5) {
		s.fleet[0].kill()
		time.Sleep(70 * time.Millisecond)
		s.start(s.fleet[0])
		time.Sleep(150 * time.Millisecond)
	}
	load.stop()
	t.Logf("%d of %d requests failed", load.failed.Load(), load.sent.Load())
	if load.failed.Load() > 0 {
		t.Errorf("%d requests failed", load.failed.Load())
	}
}

// A backend that is slower to answer checks than they may take is left alone before clients mind.
func TestWhoIsTooSlowForItsChecksGetsNothing(t *testing.T) {
	fleet := startBackends(t, 3, func(b *backend, w http.ResponseWriter, r *http.Request) {
		if b.name == "b0" {
			select {
			case <-time.After(200 * time.Millisecond):
			case <-r.Context().Done():
			}
		}
		sayName(b, w, r)
	})
	p := startProxy(t, watched(fleet, fmt.Sprintf(quickHealth, "http /healthz"), roundRobin))
	load := press(t, p)
	fleet[0].awaitIdle(t)
	load.stop()
	if load.failed.Load() > 0 {
		t.Errorf("%d requests failed", load.failed.Load())
	}
}

func TestChecksSeeTheEndpointsOfEverySourceAndServeEveryPolicy(t *testing.T) {
	for policy, line := range map[string]string{
		"smooth_weighted_round_robin": roundRobin, "adaptive_latency": "", "bounded_load_hash": "lb_policy bounded_load_hash {uri}",
		"Caddy's round_robin": "lb_policy round_robin", "Caddy's least_conn": "lb_policy least_conn", "Caddy's ip_hash": "lb_policy ip_hash",
	} {
		t.Run(policy, func(t *testing.T) {
			fleet := startBackends(t, 3)
			list := newListFile(t, fleet...)
			site := strings.Replace(list.site(line), "source file", fmt.Sprintf(quickHealth, "http /")+"source file", 1)
			c := startProxy(t, site).client()
			must(t)(c.get("/"))
			fleet[1].kill()
			eventually(t, "b1 is unhealthy", func() bool { return len(logged.with("endpoint is unhealthy", fleet[1].address)) == 1 })
			for i := range 60 {
				if a := must(t)(c.get(fmt.Sprint("/", i))); a.backend == "b1" {
					t.Error("b1 answered")
				}
			}
			if err := fleet[1].start(); err != nil {
				t.Fatal(err)
			}
			eventually(t, "b1 is healthy", func() bool { return len(logged.with("endpoint is healthy", fleet[1].address)) == 1 })
		})
	}
}
