package consul

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/hashicorp/consul/api"

	"github.com/caddy-balance/caddy-balance/discovery"
)

// fakeConsul answers as much as the source asks: the health of services, at once or when there is something new.
type fakeConsul struct {
	*httptest.Server

	mu       sync.Mutex
	services map[string]string // JSON by name
	index    uint64
	changed  chan struct{}
	header   http.Header // of every answer
	refusal  int         // the status of every answer, if it is not 0
	asked    []*http.Request
}

func startFake(t *testing.T) *fakeConsul {
	f := &fakeConsul{services: map[string]string{}, index: 7, changed: make(chan struct{}), header: http.Header{}}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

// set changes something and wakes whoever waits.
func (f *fakeConsul) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
	close(f.changed)
	f.changed = make(chan struct{})
}

// register replaces the instances of a service.
func (f *fakeConsul) register(service, instances string) {
	f.set(func() {
		f.services[service] = instances
		f.index++
	})
}

func (f *fakeConsul) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, r)
	f.wait(r)
	w.Header().Set("X-Consul-Index", fmt.Sprint(f.index))
	w.Header().Set("X-Consul-LastContact", "0") // the client reads no header after it if it is missing
	for key, values := range f.header {
		w.Header()[key] = values
	}
	if f.refusal != 0 {
		w.WriteHeader(f.refusal)
	}
	body, ok := f.services[strings.TrimPrefix(r.URL.Path, "/v1/health/service/")]
	if !ok {
		body = "[]"
	}
	fmt.Fprint(w, body)
}

// wait is for something newer than the index of r. As at Consul, an index that is too large hangs for the whole wait.
func (f *fakeConsul) wait(r *http.Request) {
	index, _ := strconv.ParseUint(r.FormValue("index"), 10, 64)
	wait, _ := time.ParseDuration(r.FormValue("wait"))
	over := time.After(wait)
	for index != 0 && f.refusal == 0 && f.index <= index {
		changed := f.changed
		f.mu.Unlock()
		select {
		case <-changed:
			f.mu.Lock()
		case <-over:
			f.mu.Lock()
			return
		case <-r.Context().Done():
			f.mu.Lock()
			return
		}
	}
}

// last is the last request.
func (f *fakeConsul) last() *http.Request {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked[len(f.asked)-1]
}

// indices are those of all requests.
func (f *fakeConsul) indices() (all []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.asked {
		all = append(all, cmp.Or(r.FormValue("index"), "none"))
	}
	return all
}

// instance is one in the JSON of Consul, as far as the source reads it.
func instance(id, address string, port int, changes ...func(*api.ServiceEntry)) string {
	entry := &api.ServiceEntry{
		Node: &api.Node{Node: "n1", Address: "10.0.0.1"},
		Service: &api.AgentService{
			ID: id, Service: "web", Address: address, Port: port, Weights: api.AgentWeights{Passing: 1, Warning: 1},
		},
		Checks: api.HealthChecks{{CheckID: "c", Status: api.HealthPassing}},
	}
	for _, change := range changes {
		change(entry)
	}
	text, err := json.Marshal(entry)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func list(instances ...string) string { return "[" + strings.Join(instances, ",") + "]" }

// following is a source at work.
type following struct {
	t       *testing.T
	answers chan discovery.Answer
	ended   chan error
	cancel  context.CancelFunc
}

func follow(t *testing.T, s *Source) *following {
	t.Helper()
	provision(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	f := &following{t, make(chan discovery.Answer, 100), make(chan error, 1), cancel}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.ended <- s.Run(ctx, func(a discovery.Answer) { f.answers <- a })
	}()
	t.Cleanup(func() { cancel(); <-done })
	return f
}

func provision(t *testing.T, s *Source) {
	t.Helper()
	ctx, cancel := caddy.NewContext(caddy.Context{Context: t.Context()})
	t.Cleanup(cancel)
	if err := s.Provision(ctx); err != nil {
		t.Fatal(err)
	}
}

func (f *following) next() discovery.Answer {
	f.t.Helper()
	select {
	case a := <-f.answers:
		return a
	case err := <-f.ended:
		f.t.Fatalf("ended: %v", err)
	case <-time.After(30 * time.Second):
		f.t.Fatal("no answer")
	}
	return discovery.Answer{}
}

// wants waits for the answer with these addresses.
func (f *following) wants(addresses ...string) discovery.Answer {
	f.t.Helper()
	for {
		a := f.next()
		if got := addressesOf(a); got == strings.Join(addresses, " ") {
			return a
		}
		f.t.Logf("passed over: %s", addressesOf(a))
	}
}

func (f *following) wantsError(part string) {
	f.t.Helper()
	select {
	case err := <-f.ended:
		if err == nil || !strings.Contains(err.Error(), part) {
			f.t.Errorf("got %v; want an error with %q", err, part)
		}
	case <-time.After(30 * time.Second):
		f.t.Fatal("did not end")
	}
}

func addressesOf(a discovery.Answer) string {
	all := make([]string, len(a.Endpoints))
	for i, info := range a.Endpoints {
		all[i] = info.Address
	}
	return strings.Join(all, " ")
}
