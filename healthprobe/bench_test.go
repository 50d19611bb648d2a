package healthprobe

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// backendsEnv makes the test binary serve instead of test: what the backends cost must not count.
const backendsEnv = "HEALTHPROBE_BENCH_BACKENDS"

func TestMain(m *testing.M) {
	if os.Getenv(backendsEnv) != "" {
		serveBackends(64)
	}
	os.Exit(m.Run())
}

// serveBackends prints the addresses, and serves until its input ends.
func serveBackends(n int) {
	server := http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })}
	for range n {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			panic(err)
		}
		go server.Serve(listener)
		fmt.Println(listener.Addr())
	}
	fmt.Println()
	bufio.NewReader(os.Stdin).ReadByte()
	os.Exit(0)
}

func startBackends(b *testing.B) []*endpoint.Info {
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), backendsEnv+"=1")
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
	var list []*endpoint.Info
	for lines := bufio.NewScanner(out); lines.Scan() && lines.Text() != ""; {
		list = append(list, &endpoint.Info{Address: strings.TrimSpace(lines.Text())})
	}
	return list
}

// transportProbe is the probe that net/http would make, to compare with.
type transportProbe struct{ client http.Client }

func (p *transportProbe) Check(ctx context.Context, e *endpoint.Info) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+e.Address+"/healthz", nil)
	if err != nil {
		return err
	}
	answer, err := p.client.Do(r)
	if err == nil {
		io.Copy(io.Discard, answer.Body) // or the connection is not kept
		answer.Body.Close()
	}
	return err
}

// BenchmarkHTTPProbe tells what a probe costs this process, in CPU time as the kernel counts it, at
// a number of probes at once, and at the pace of 10,000 endpoints probed every 5 s.
func BenchmarkHTTPProbe(b *testing.B) {
	backends := startBackends(b)
	keeping := &http.Transport{MaxIdleConnsPerHost: 100}
	defer keeping.CloseIdleConnections()
	closing := &http.Transport{DisableKeepAlives: true}
	for _, c := range []struct {
		name  string
		probe Probe
	}{
		{"own", provisioned(b, &HTTPProbe{URI: "/healthz"})},
		{"transport-keep-alive", &transportProbe{http.Client{Transport: keeping}}},
		{"transport-closing", &transportProbe{http.Client{Transport: closing}}},
	} {
		b.Run(c.name+"/busy", func(b *testing.B) { benchBusy(b, c.probe, backends) })
		b.Run(c.name+"/paced", func(b *testing.B) { benchPaced(b, c.probe, backends) })
	}
}

func benchBusy(b *testing.B, probe Probe, backends []*endpoint.Info) {
	b.ReportAllocs()
	var next atomic.Int64
	before := cpuTime(b)
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			check(b, probe, backends[next.Add(1)%int64(len(backends))])
		}
	})
	b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N), "cpu-ns/op")
}

// benchPaced starts 100 probes every 50 ms, on goroutines that have been used before.
func benchPaced(b *testing.B, probe Probe, backends []*endpoint.Info) {
	due := make(chan *endpoint.Info, 100)
	var workers sync.WaitGroup
	for range cap(due) {
		workers.Go(func() {
			for e := range due {
				check(b, probe, e)
			}
		})
	}
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	before := cpuTime(b)
	for i := range b.N {
		if i%cap(due) == 0 {
			<-ticker.C
		}
		due <- backends[i%len(backends)]
	}
	close(due)
	workers.Wait()
	b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N), "cpu-ns/op")
}

func check(b *testing.B, probe Probe, e *endpoint.Info) {
	ctx, cancel := context.WithTimeout(b.Context(), 10*time.Second)
	defer cancel()
	if err := probe.Check(ctx, e); err != nil {
		b.Error(err)
	}
}

func cpuTime(b *testing.B) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
