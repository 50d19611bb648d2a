package healthprobe

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
	"go.uber.org/zap"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// backendsEnv makes the test binary serve instead of test, because the CPU time of the backends
// must not count. Its value is the scheme.
const backendsEnv = "HEALTHPROBE_BENCH_BACKENDS"

func TestMain(m *testing.M) {
	if scheme := os.Getenv(backendsEnv); scheme != "" {
		serveBackends(scheme, 64)
	}
	os.Exit(m.Run())
}

// serveBackends serves on n addresses, prints them, and exits when standard input ends.
func serveBackends(scheme string, n int) {
	for range n {
		server := httptest.NewUnstartedServer(saying("ok\n"))
		if scheme == "https" {
			server.StartTLS()
		} else {
			server.Start()
		}
		fmt.Println(server.Listener.Addr())
	}
	fmt.Println()
	bufio.NewReader(os.Stdin).ReadByte()
	os.Exit(0)
}

func startBackends(b *testing.B, scheme string) []*Endpoint {
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), backendsEnv+"="+scheme)
	in, err := command.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := command.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { in.Close(); command.Wait() })
	var list []*Endpoint
	for lines := bufio.NewScanner(out); lines.Scan() && lines.Text() != ""; {
		list = append(list, &Endpoint{Address: strings.TrimSpace(lines.Text())})
	}
	return list
}

// transportProbe is a probe on top of net/http, for comparison.
type transportProbe struct{ client http.Client }

func (p *transportProbe) Check(ctx context.Context, t *Target) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1:"+t.Metadata["port"]+"/healthz", nil)
	if err != nil {
		return err
	}
	answer, err := p.client.Do(r)
	if err == nil {
		io.Copy(io.Discard, answer.Body) // otherwise the connection is not kept
		answer.Body.Close()
	}
	return err
}

// BenchmarkProber measures the CPU time of this process for each check, as the kernel counts it and
// with all that belongs to a check, at the pace of 10,000 endpoints every 5 s: 2,000 checks a
// second. Noise of the machine only adds to it, so the minimum of several spans counts: -benchtime
// 5x.
func BenchmarkProber(b *testing.B) {
	keeping := &http.Transport{MaxIdleConnsPerHost: 100}
	defer keeping.CloseIdleConnections()
	plain := Connection{Port: "{endpoint.metadata.port}"}
	overTLS := Connection{Port: plain.Port, TLS: &reverseproxy.TLSConfig{InsecureSkipVerify: true}}
	for _, c := range []struct {
		name, scheme string
		probe        Probe
	}{
		{"kept", "http", provisioned(b, &HTTPProbe{Connection: plain})},
		{"fresh", "http", provisioned(b, &HTTPProbe{Connection: plain, FreshConnections: true})},
		{"transport-kept", "http", &transportProbe{http.Client{Transport: keeping}}},
		{"transport-fresh", "http", &transportProbe{http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}},
		{"kept", "https", provisioned(b, &HTTPProbe{Connection: overTLS})},
		{"fresh", "https", provisioned(b, &HTTPProbe{Connection: overTLS, FreshConnections: true})},
		{"nothing", "none", emptyProbe{}},
	} {
		b.Run(c.scheme+"/"+c.name, func(b *testing.B) {
			probe := &countingProbe{Probe: c.probe, b: b}
			startChecks(b, probe, startBackends(b, c.scheme))
			time.Sleep(2 * time.Second) // until connections are being renewed
			benchSpans(b, probe)
		})
	}
}

// emptyProbe passes at once, and so shows the cost of the prober alone.
type emptyProbe struct{}

func (emptyProbe) Check(context.Context, *Target) error { return nil }

func benchSpans(b *testing.B, probe *countingProbe) {
	const span = time.Second
	least := math.Inf(1)
	for b.Loop() {
		checks, before := probe.checks.Load(), cpuTime(b)
		time.Sleep(span)
		least = min(least, float64((cpuTime(b)-before).Nanoseconds())/1e3/float64(probe.checks.Load()-checks))
	}
	b.ReportMetric(least, "cpu-µs/check")
	b.ReportMetric(least*2000/1e6*100, "%core-of-10k/5s")
	b.ReportMetric(0, "ns/op")
}

// startChecks checks 500 endpoints of a pool every 250 ms. Several endpoints share a backend.
func startChecks(b *testing.B, probe Probe, backends []*Endpoint) {
	h := newHealth(probe, func(h *Health) {
		h.Interval = caddy.Duration(250 * time.Millisecond)
		h.FastInterval = caddy.Duration(time.Second)
		h.Timeout = caddy.Duration(10 * time.Second)
	})
	c, err := endpoint.Acquire(endpoint.Definition{
		Config: b, Name: b.Name(),
		Rules: endpoint.Rules{Watched: h.Conditions()},
		Owner: endpoint.Owner{Logger: zap.NewNop()},
		Run:   h.Run,
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(c.Release)
	list := make([]Endpoint, 500)
	for i := range list {
		host, port := hostPort(backends[i%len(backends)].Address)
		list[i] = Endpoint{
			Address: net.JoinHostPort(host, strconv.Itoa(i+1)), Weight: 1,
			Metadata: map[string]string{"port": port},
		}
	}
	c.Roster.Replace(list)
}

// countingProbe counts the checks, and fails the benchmark if one fails.
type countingProbe struct {
	Probe
	b      *testing.B
	checks atomic.Int64
}

func (c *countingProbe) Check(ctx context.Context, t *Target) error {
	c.checks.Add(1)
	err := c.Probe.Check(ctx, t)
	if err != nil && ctx.Err() == nil {
		c.b.Error(err)
	}
	return err
}
