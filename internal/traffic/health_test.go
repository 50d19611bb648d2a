package traffic

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

// Timeouts of checks and responses. A fault that answers is detected at once, so its tests use the
// long timeout, which no healthy backend exceeds however busy the machine is. Only tests with a
// backend that hangs have to wait for a timeout.
const (
	longTimeout  = "20s"
	shortTimeout = "1s"
)

// fastChecks returns the health block of a pool. It detects an endpoint that refuses connections
// within a tenth of a second, and one that hangs after two timeouts.
func fastChecks(probe, timeout string) string {
	return fmt.Sprintf(`health {
		probe %s
		interval 100ms
		fast_interval 20ms
		timeout %s
		fall 2
		rise 2
	}
	`, probe, timeout)
}

// ejectAtFirstFailure returns the outlier block of a pool. Only the requests that are in flight at
// the first failure can fail too. The ejection has to last until checks have detected the fault.
func ejectAtFirstFailure(ejection string) string {
	return fmt.Sprintf(`outlier {
		consecutive_failures 1
		max_ejected_percent 50%%
		base_ejection %s
		interval 100ms
	}
	`, ejection)
}

// boundedTransport returns a transport block with a limit on the time until a response begins.
// Caddy then answers 504, where a client without patience would leave.
func boundedTransport(timeout, options string) string {
	return fmt.Sprintf(`
	transport http {
		response_header_timeout %s
		keepalive 2s
		%s
	}
	`, timeout, options)
}

// checkedPool returns a site that proxies to a pool of static endpoints with options of the pool.
func checkedPool(f fleet, poolOptions, options string) string {
	return fmt.Sprintf("reverse_proxy {\ndynamic pool web {\nsource static %s\n%s\n}\n%s\n}", f, poolOptions, options)
}

// failuresDuring begins and ends a fault of b0 under load, and returns the number of failed
// requests.
func failuresDuring(t *testing.T, p *proxy, f *faultyFleet, fault fault) int64 {
	t.Helper()
	load, b0 := startLoad(t, p), f.fleet[0]
	awaitRequests(t, b0)
	fault.begin(f)
	load.awaitIdle(t, b0)
	fault.end(f)
	awaitRequests(t, b0)
	return load.stopAndCount(t)
}

func TestOnlyRequestsInFlightAtTheFirstFailureFail(t *testing.T) {
	c := caddytest.NewCertificate(t)
	trust := fmt.Sprintf("tls_trust_pool file %s\ntls_server_name %s\n", c.CertFile, caddytest.ServerName)
	for _, protocol := range []struct {
		name, probe, transport string
		serve                  serveFunc
	}{
		{"http", "http /healthz", "", serveHTTP},
		{"https", "http /healthz {\n" + trust + "}", "versions 1.1\n" + trust, serveTLS(c)},
	} {
		for _, fault := range faults {
			for _, retries := range []int{0, 1} {
				t.Run(fmt.Sprintf("%s/%s/%d retries", protocol.name, fault.name, retries), func(t *testing.T) {
					timeout, ejection := longTimeout, "1s"
					if fault.hangs {
						timeout, ejection = shortTimeout, "4s"
					}
					f := startFaultyFleet(t, 3, protocol.serve)
					p := startProxy(t, checkedPool(f.fleet,
						fastChecks(protocol.probe, timeout)+ejectAtFirstFailure(ejection),
						roundRobin+retryFailures(retries)+boundedTransport(timeout, protocol.transport)))
					most := int64(loadClients * (1 - retries))
					if failed := failuresDuring(t, p, f, fault); failed > most {
						t.Errorf("%d requests failed, want at most %d", failed, most)
					}
				})
			}
		}
	}
}

// retryFailures retries GET requests, and responses with a status that faults answer.
func retryFailures(n int) string {
	return fmt.Sprintf(`
	lb_retries %d
	lb_retry_match expression `+"`{rp.status_code} in [500, 503]`"+`
	lb_retry_match method GET
	`, n)
}

func TestATCPProbeDetectsAClosedPort(t *testing.T) {
	f := startFaultyFleet(t, 3, serveHTTP)
	p := startProxy(t, checkedPool(f.fleet, fastChecks("tcp", longTimeout), roundRobin+"\nlb_retries 1"))
	if failed := failuresDuring(t, p, f, refusing); failed > 0 {
		t.Errorf("%d requests failed", failed)
	}
}

// Two backends are always up, so a single retry reaches one of them. It is the number of requests
// that decides how long b0 is down, and so some outages are shorter than it takes to detect them.
func TestAFlappingEndpointCostsNoRequest(t *testing.T) {
	f := startFaultyFleet(t, 3, serveHTTP)
	p := startProxy(t, checkedPool(f.fleet,
		fastChecks("http /healthz", longTimeout)+ejectAtFirstFailure("1s"), roundRobin+"\nlb_retries 1"))
	load := startLoad(t, p)
	for i := range int64(amount(20, 5)) {
		refusing.begin(f)
		load.awaitDone(t, 50+i*20)
		refusing.end(f)
		load.awaitDone(t, 500)
	}
	if failed := load.stopAndCount(t); failed > 0 {
		t.Errorf("%d requests failed", failed)
	}
}

// The backend answers requests at once, but no check: only checks can be the reason to leave it
// out.
func TestAnEndpointThatIsTooSlowForItsChecksGetsNothing(t *testing.T) {
	fleet := startBackends(t, 3, func(b *backend, w http.ResponseWriter, r *http.Request) {
		if b.name == "b0" && r.URL.Path == "/healthz" {
			<-r.Context().Done()
			return
		}
		writeName(b, w, r)
	})
	p := startProxy(t, checkedPool(fleet, fastChecks("http /healthz", shortTimeout), roundRobin))
	load := startLoad(t, p)
	awaitUnhealthy(t, fleet[0])
	load.awaitIdle(t, fleet[0])
	if failed := load.stopAndCount(t); failed > 0 {
		t.Errorf("%d requests failed", failed)
	}
}

// awaitUnhealthy waits until checks have found the backend unhealthy once. Details are further
// texts of the log line.
func awaitUnhealthy(t *testing.T, b *backend, details ...string) {
	t.Helper()
	texts := append([]string{"endpoint is unhealthy", b.address}, details...)
	eventually(t, b.name+" is unhealthy", func() bool { return logged.Count(texts...) == 1 })
}

func TestChecksWorkWithEverySourceAndPolicy(t *testing.T) {
	for policy, line := range map[string]string{
		"smooth_weighted_round_robin": roundRobin,
		"adaptive_latency":            "",
		"bounded_load_hash":           "lb_policy bounded_load_hash {uri}",
		"weighted_least_conn":         "lb_policy weighted_least_conn",
		"weighted_random":             "lb_policy weighted_random",
		"weighted_first":              "lb_policy weighted_first",
		"Caddy's round_robin":         "lb_policy round_robin",
		"Caddy's least_conn":          "lb_policy least_conn",
		"Caddy's ip_hash":             "lb_policy ip_hash",
	} {
		t.Run(policy, func(t *testing.T) {
			fleet := startBackends(t, 3)
			list := newListFile(t, fleet...)
			site := strings.Replace(list.site(line), "source file", fastChecks("http /", longTimeout)+"source file", 1)
			c := startProxy(t, site).client()
			expectOK(t)(c.get("/"))
			fleet[1].kill()
			awaitUnhealthy(t, fleet[1])
			for i := range 60 {
				if a := expectOK(t)(c.get(fmt.Sprint("/", i))); a.backend == "b1" {
					t.Error("b1 answered")
				}
			}
			if err := fleet[1].start(); err != nil {
				t.Fatal(err)
			}
			eventually(t, "b1 is healthy", func() bool {
				return logged.Count("endpoint is healthy", fleet[1].address) == 1
			})
		})
	}
}
