package consul

import (
	"cmp"
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
)

// fakeConsul is a server with the one part of Consul's API that the source uses: the health of
// services, with queries that wait for a change.
type fakeConsul struct {
	*httptest.Server

	mu       sync.Mutex
	services map[string]string // JSON by name
	index    uint64
	changed  chan struct{}
	header   http.Header // of every answer
	status   int         // of every answer; 0 is 200
	asked    []*http.Request
}

func startFake(t *testing.T) *fakeConsul {
	f := &fakeConsul{services: map[string]string{}, index: 7, changed: make(chan struct{}), header: http.Header{}}
	f.Server = httptest.NewServer(f)
	t.Cleanup(f.Close)
	return f
}

// set changes the state and wakes the queries that wait.
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

// ServeHTTP implements http.Handler.
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
	if f.status != 0 {
		w.WriteHeader(f.status)
	}
	body, ok := f.services[strings.TrimPrefix(r.URL.Path, "/v1/health/service/")]
	if !ok {
		body = "[]"
	}
	fmt.Fprint(w, body)
}

// wait blocks until the state is newer than the index of r, or until the wait of r is over. As at
// Consul, an index that is too large waits to the end.
func (f *fakeConsul) wait(r *http.Request) {
	index, _ := strconv.ParseUint(r.FormValue("index"), 10, 64)
	wait, _ := time.ParseDuration(r.FormValue("wait"))
	over := time.After(wait)
	for index != 0 && f.status == 0 && f.index <= index {
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

// last returns the last request.
func (f *fakeConsul) last() *http.Request {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked[len(f.asked)-1]
}

// indices returns the index of each request, in order.
func (f *fakeConsul) indices() (all []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.asked {
		all = append(all, cmp.Or(r.FormValue("index"), "none"))
	}
	return all
}

// instance returns an instance in Consul's JSON, with the fields that the source reads.
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

// list returns instances as one JSON list.
func list(instances ...string) string { return "[" + strings.Join(instances, ",") + "]" }

// provision provisions a source for tests that do not run it.
func provision(t *testing.T, s *Source) {
	t.Helper()
	ctx, cancel := caddy.NewContext(caddy.Context{Context: t.Context()})
	t.Cleanup(cancel)
	if err := s.Provision(ctx); err != nil {
		t.Fatal(err)
	}
}
