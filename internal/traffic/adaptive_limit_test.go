package traffic

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/limit"
)

// boundedBackends starts backends that work on two requests at a time, for 5 ms each.
func boundedBackends(t *testing.T, n int) fleet {
	slots := make(map[*backend]chan struct{})
	var mu sync.Mutex
	return startBackends(t, n, func(b *backend, w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		if slots[b] == nil {
			slots[b] = make(chan struct{}, 2)
		}
		slot := slots[b]
		mu.Unlock()
		select {
		case slot <- struct{}{}:
			time.Sleep(5 * time.Millisecond)
			<-slot
			io.WriteString(w, b.name)
		case <-r.Context().Done():
		}
	})
}

// overload sends requests from many clients until the test ends or stop is called, and counts those
// that were refused and that failed otherwise.
type overload struct {
	refused, failed atomic.Int64
	stop            func()
}

func startOverload(t *testing.T, c *client, clients int) *overload {
	o, done := new(overload), make(chan struct{})
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				switch a, err := c.get("/work"); {
				case err == nil && a.status == http.StatusServiceUnavailable && a.header.Get("Retry-After") != "":
					o.refused.Add(1)
					time.Sleep(10 * time.Millisecond)
				case err != nil || a.status != http.StatusOK:
					o.failed.Add(1)
				}
			}
		})
	}
	o.stop = sync.OnceFunc(func() { close(done); all.Wait() })
	t.Cleanup(o.stop)
	return o
}

// adaptiveLimits returns the limits of backends that have one.
func (p *proxy) adaptiveLimits(f fleet) (limits []int) {
	found := p.scrape()
	for _, b := range f {
		if n, ok := found[fmt.Sprintf("endpoint_adaptive_limit{endpoint=%q,pool=%q}", b.address, "web")]; ok {
			limits = append(limits, int(n))
		}
	}
	return limits
}

// overloadUntilLimited sends too many requests until two backends have a limit.
func (p *proxy) overloadUntilLimited(c *client, f fleet) {
	p.t.Helper()
	load := startOverload(p.t, c, 100)
	eventually(p.t, "requests are refused", func() bool { return load.refused.Load() > 100 })
	eventually(p.t, "the limits are a few requests", func() bool {
		limits := p.adaptiveLimits(f)
		return len(limits) == 2 && limits[0] <= 25 && limits[1] <= 25
	})
	load.stop()
	if n := load.failed.Load(); n > 0 {
		p.t.Errorf("%d requests failed", n)
	}
}

func TestAnOverloadedEndpointGetsALimitWhichAReloadKeeps(t *testing.T) {
	fleet := boundedBackends(t, 2)
	site := func(lines string) string { return gated(fleet, "adaptive_limit", roundRobin+lines) }
	p := startProxyWith(t, "metrics", site(""))
	c := p.client()
	for range 60 {
		expectOK(t)(c.get("/work"))
	}
	if limits := p.adaptiveLimits(fleet); len(limits) > 0 {
		t.Errorf("without load the limits are %v", limits)
	}
	var before []int
	eventually(t, "both limits outlast the load", func() bool {
		p.overloadUntilLimited(c, fleet)
		before = p.adaptiveLimits(fleet)
		return len(before) == 2
	})
	if err := p.reload(site("\nlb_retries 1")); err != nil {
		t.Fatal(err)
	}
	if after := p.adaptiveLimits(fleet); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("the limits are %v after a reload, and %v before", after, before)
	}
	for range 10 {
		expectOK(t)(c.get("/work"))
	}
}

func TestRequestsBeyondAnAdaptiveLimitWaitInTheQueue(t *testing.T) {
	fleet := boundedBackends(t, 1)
	p := startProxyWith(t, "metrics", gated(fleet, "adaptive_limit\nqueue 200 1h", roundRobin))
	c := p.client()
	for range 60 {
		expectOK(t)(c.get("/work"))
	}
	load := startOverload(t, c, 80)
	gate := gateOf(t)
	eventually(t, "most requests wait in the queue", func() bool { return gate.Waiting(limit.Normal) > 40 })
	load.stop()
	if refused, failed := load.refused.Load(), load.failed.Load(); refused+failed > 0 {
		t.Errorf("%d were refused and %d failed", refused, failed)
	}
}

// Idle websockets are no work, so they leave room for requests within a limit.
func TestUpgradedConnectionsAreBesideTheAdaptiveLimit(t *testing.T) {
	blocking := newBlockingHandler()
	fleet := startBackends(t, 1, func(b *backend, w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/stream") {
			w.Header().Set("Content-Type", "text/event-stream")
			w.(http.Flusher).Flush()
			<-r.Context().Done()
			return
		}
		blocking.serve(b, w, r)
	})
	p := startProxy(t, gated(fleet, "adaptive_limit {\nmin 1\nmax 2\n}", roundRobin))
	for i := range 5 {
		stream, err := p.client().Get(fmt.Sprintf("http://site/stream/%d", i))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { stream.Body.Close() })
	}
	done := make(chan error)
	for i := range 2 {
		go func() { done <- getOne(p.client(), i) }()
		receive(t, blocking.arrived)
	}
	expectRefused(t)(p.client().get("/"))
	close(blocking.release)
	for range 2 {
		if err := receive(t, done); err != nil {
			t.Error(err)
		}
	}
}

// While the endpoint does not read an upload, it has something to do. When it has read all that the
// client has sent, it waits for the client, and has room for another request.
func TestARequestWaitsNoLongerThanTheEndpointIsBusyWithAnUpload(t *testing.T) {
	release := make(chan struct{})
	fleet := startBackends(t, 1, func(b *backend, w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			<-release
			io.Copy(io.Discard, r.Body)
		}
		io.WriteString(w, b.name)
	})
	c := startProxy(t, gated(fleet, "adaptive_limit {\nmin 1\nmax 1\n}\nqueue 10 1h", roundRobin)).client()
	body, upload := io.Pipe()
	over := make(chan error, 1)
	go func() {
		res, err := c.Post("http://site/upload", "text/plain", body)
		if err == nil {
			res.Body.Close()
		}
		over <- err
	}()
	t.Cleanup(func() { upload.Close() })
	go upload.Write(make([]byte, 32<<20)) // more than the buffers on the way hold
	gate, done := gateOf(t), make(chan error, 1)
	get := func() { done <- getOne(c, 0) }
	go get()
	eventually(t, "a request waits for the upload", func() bool {
		select {
		case err := <-done: // it came while the upload was between two reads
			if err != nil {
				t.Error(err)
			}
			go get()
		default:
		}
		return gate.Waiting(limit.Normal) == 1
	})
	close(release)
	if err := receive(t, done); err != nil {
		t.Error(err)
	}
	upload.Close()
	if err := receive(t, over); err != nil {
		t.Error(err)
	}
}
