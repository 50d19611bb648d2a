package docker

import (
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"testing"
)

// engine is a fake of Docker's API on a socket.
type engine struct {
	host string

	mu         sync.Mutex
	containers map[string]string // the answer to inspect, by id
	vanished   string            // the id of a listed container that was already removed
	broken     bool
	lists      int
	filters    string
	silent     chan struct{} // requests wait until it is closed; nil to answer them
	streams    map[chan string]bool
}

// startEngine starts an engine without containers until the test ends.
func startEngine(t *testing.T) *engine {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "e.sock")
	e := &engine{host: "unix://" + socket, containers: make(map[string]string), streams: make(map[chan string]bool)}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /_ping", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Api-Version", "1.44") })
	mux.HandleFunc("HEAD /_ping", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Api-Version", "1.44") })
	mux.HandleFunc("GET /v1.44/containers/json", e.list)
	mux.HandleFunc("GET /v1.44/containers/{id}/json", e.inspect)
	mux.HandleFunc("GET /v1.44/events", e.events)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.mu.Lock()
		silent := e.silent
		e.mu.Unlock()
		if silent != nil {
			select {
			case <-silent:
			case <-r.Context().Done():
				return
			}
		}
		mux.ServeHTTP(w, r)
	})}
	var served sync.WaitGroup
	served.Go(func() { _ = server.Serve(listener) })
	t.Cleanup(func() { _ = server.Close(); served.Wait() })
	return e
}

func (e *engine) list(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.lists++
	e.filters = r.FormValue("filters")
	if e.broken {
		fail(w, http.StatusInternalServerError, "out of order")
		return
	}
	ids := slices.Sorted(maps.Keys(e.containers))
	if e.vanished != "" {
		ids = append(ids, e.vanished)
	}
	listed := make([]map[string]string, len(ids))
	for i, id := range ids {
		listed[i] = map[string]string{"Id": id}
	}
	_ = json.NewEncoder(w).Encode(listed)
}

func fail(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"message": message})
}

func (e *engine) inspect(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	defer e.mu.Unlock()
	text, ok := e.containers[r.PathValue("id")]
	if !ok {
		fail(w, http.StatusNotFound, "no such container")
		return
	}
	_, _ = fmt.Fprint(w, text)
}

func (e *engine) events(w http.ResponseWriter, r *http.Request) {
	stream := make(chan string)
	e.mu.Lock()
	e.streams[stream] = true
	e.mu.Unlock()
	defer func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.streams, stream)
	}()
	w.WriteHeader(http.StatusOK)
	for {
		_ = http.NewResponseController(w).Flush()
		select {
		case <-r.Context().Done():
			return
		case action, open := <-stream:
			if !open {
				return
			}
			_, _ = fmt.Fprintf(w, `{"Type":"container","Action":%q}`+"\n", action)
		}
	}
}

// change calls update with the lock held, and then sends an event if there is an action.
func (e *engine) change(action string, update func()) {
	e.mu.Lock()
	update()
	streams := slices.Collect(maps.Keys(e.streams))
	e.mu.Unlock()
	if action != "" {
		for _, s := range streams {
			s <- action
		}
	}
}

// run starts or restarts a container.
func (e *engine) run(name, ip, health string) {
	state := `{"Status":"running"}`
	if health != "" {
		state = `{"Status":"running","Health":{"Status":"` + health + `"}}`
	}
	text := fmt.Sprintf(`{"Name":"/%s","State":%s,"Config":{"ExposedPorts":{"80/tcp":{}}},"NetworkSettings":{"Networks":{"bridge":{"IPAddress":%q}}}}`, name, state, ip)
	e.change("start", func() { e.containers[name] = text })
}

// stop ends and removes a container.
func (e *engine) stop(name string) {
	e.change("die", func() { delete(e.containers, name) })
}
