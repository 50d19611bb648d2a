package layer4_test

import (
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

func TestConnectionsGoToTheEndpointsInTurn(t *testing.T) {
	f, a, b := newFront(t), newBackend(t, "a"), newBackend(t, "b")
	f.start(fmt.Sprintf("source static %s %s\npolicy smooth_weighted_round_robin", a.address(), b.address()))
	var names []string
	repeated := 0
	for i := range 20 {
		name, err := connect(t, f.address).ask("hello")
		if err != nil {
			t.Fatal(err)
		}
		if names = append(names, name); i > 0 && name == names[i-1] {
			repeated++
		}
	}
	// The turns begin again, anywhere, when the tables of the first list are there.
	if repeated > 2 {
		t.Errorf("%v", names)
	}
	f.wantInFlight(20)
}

func TestEveryPolicyPicksForConnections(t *testing.T) {
	for _, policy := range []string{
		"adaptive_latency", "smooth_weighted_round_robin", "weighted_least_conn", "weighted_random", "weighted_first",
		"bounded_load_hash {l4.pool.client_ip}",
		"bounded_load_hash {l4.vars.none} {\nfallback weighted_random\n}",
	} {
		t.Run(policy, func(t *testing.T) {
			f, a := newFront(t), newBackend(t, "a")
			f.start(fmt.Sprintf("source static %s\npolicy %s", a.address(), policy))
			connect(t, f.address).wantAnswerBy("a")
			f.wantInFlight(1)
		})
	}
}

func TestAConnectionThatIsRefusedGoesToAnotherEndpoint(t *testing.T) {
	f, a := newFront(t), newBackend(t, "a")
	f.start(fmt.Sprintf("source static %s %s", caddytest.FreeAddress(t), a.address()))
	for range 8 {
		c := connect(t, f.address)
		c.wantAnswerBy("a")
		c.Close()
	}
	f.wantInFlight(0)
}

func TestNoConnectionIsLeftInFlightWhenAllEndpointsRefuse(t *testing.T) {
	f := newFront(t)
	f.start("source static " + caddytest.FreeAddress(t))
	if _, err := connect(t, f.address).ask("hello"); err == nil {
		t.Error("something answers")
	}
	f.wantInFlight(0)
}

func TestEitherSideMayCloseFirst(t *testing.T) {
	f, a := newFront(t), newBackend(t, "a")
	f.start("source static " + a.address())
	c := connect(t, f.address)
	text := strings.Repeat("x", 1<<20)
	go func() {
		io.WriteString(c, text)
		c.Conn.(*net.TCPConn).CloseWrite()
	}()
	answer, err := io.ReadAll(c)
	if want := fmt.Sprintf("a got %d bytes\n", len(text)); string(answer) != want || err != nil {
		t.Errorf("%q, %v", answer, err)
	}
	f.wantInFlight(0)
}

func TestManyBytesPassUnchanged(t *testing.T) {
	f, a := newFront(t), newBackend(t, "a")
	f.start("source static " + a.address())
	c := connect(t, f.address)
	line := strings.Repeat("y", 100_000)
	for range 50 {
		if _, err := c.ask(line); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCountsComeBackToZeroThoughABackendIsKilledAndTheConfigReloadedUnderLoad(t *testing.T) {
	f, a, b := newFront(t), newBackend(t, "a"), newBackend(t, "b")
	list := fmt.Sprintf("source static %s %s", a.address(), b.address())
	f.start(list)
	kept := connect(t, f.address)
	keptBy, err := kept.ask("hello")
	if err != nil {
		t.Fatal(err)
	}
	victim := map[string]*backend{"a": b, "b": a}[keptBy]

	var wg sync.WaitGroup
	var stop atomic.Bool
	var answered [3]atomic.Int64 // before the kill, after it, and after the reload
	var phase atomic.Int32
	for range 8 {
		wg.Go(func() {
			for !stop.Load() {
				at := phase.Load()
				conn, err := net.Dial("tcp", f.address)
				if err != nil {
					continue // the listener changes hands
				}
				fmt.Fprintln(conn, "hello")
				if n, _ := conn.Read(make([]byte, 10)); n > 0 {
					answered[at].Add(1)
				}
				conn.Close()
			}
		})
	}
	wantProgress := func() {
		t.Helper()
		n := &answered[phase.Load()]
		caddytest.Eventually(t, patience, "100 answers", func() bool { return n.Load() >= 100 })
	}
	wantProgress()
	victim.kill()
	phase.Store(1)
	wantProgress()
	f.reload(list + "\npolicy weighted_least_conn")
	phase.Store(2)
	wantProgress()
	stop.Store(true)
	wg.Wait()
	f.wantInFlight(1)
	kept.wantAnswerBy(keptBy)
	kept.Close()
	f.wantInFlight(0)
}

func TestAPoolOfHTTPWithAnEqualDefinitionIsTheSamePool(t *testing.T) {
	f, a := newFront(t), newBackend(t, "a")
	block := fmt.Sprintf("test {\nsource static %s\nslow_start 3s\n}", a.address())
	f.caddy.Start(f.route("pool "+block) + fmt.Sprintf("http:// {\nbind unix/%s\nreverse_proxy {\ndynamic pool %s\n}\n}",
		f.caddy.SiteSocket(0), block))
	connect(t, f.address).wantAnswerBy("a")
	if n := len(endpoint.CurrentRosters()); n != 1 {
		t.Errorf("%d pools", n)
	}
}

func TestAConnectionCostsTwoGoroutines(t *testing.T) {
	f, a := newFront(t), newBackend(t, "a")
	f.start(fmt.Sprintf("source static %s\nidle_timeout 1h\nclose_on_unhealthy 0s", a.address()))
	connect(t, f.address).wantAnswerBy("a")
	before := runtime.NumGoroutine()
	for range 50 {
		connect(t, f.address).wantAnswerBy("a")
	}
	// One more is the backend's.
	caddytest.Eventually(t, patience, "no more than two", func() bool { return runtime.NumGoroutine()-before <= 3*50 })
}
