package docker

import (
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// engine is a fake of Docker's API on a socket.
type engine struct {
	host string

	mu         sync.Mutex
	containers map[string]string // the answer to inspect, by id
	version    string            // the newest of the API that it accepts
	pingStatus int               // of the answer to /_ping; 0 is 200
	listed     func(id string) bool
	vanished   string // the id of a listed container that was already removed
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
	e := &engine{host: "unix://" + socket, version: "1.44", containers: make(map[string]string), streams: make(map[chan string]bool)}
	e.listed = func(string) bool { return true }
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /_ping", e.ping)
	mux.HandleFunc("GET /{version}/containers/json", e.versioned(e.list))
	mux.HandleFunc("GET /{version}/containers/{id}/json", e.versioned(e.inspect))
	mux.HandleFunc("GET /{version}/events", e.versioned(e.events))
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

// ping answers GET and HEAD.
func (e *engine) ping(w http.ResponseWriter, _ *http.Request) {
	e.mu.Lock()
	defer e.mu.Unlock()
	w.Header().Set("Api-Version", e.version)
	if e.pingStatus != 0 {
		fail(w, e.pingStatus, "not allowed")
	}
}

// versioned refuses versions of the API above the engine's, and below 1.44.
func (e *engine) versioned(handle http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		e.mu.Lock()
		newest := e.version
		e.mu.Unlock()
		switch version := strings.TrimPrefix(r.PathValue("version"), "v"); {
		case version > newest:
			fail(w, http.StatusBadRequest, "client version "+version+" is too new. Maximum supported API version is "+newest)
		case version < "1.44":
			fail(w, http.StatusBadRequest, "client version "+version+" is too old. Minimum supported API version is 1.44")
		default:
			handle(w, r)
		}
	}
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
	ids := slices.DeleteFunc(slices.Sorted(maps.Keys(e.containers)), func(id string) bool { return !e.listed(id) })
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

// runInside starts a container in the network of another.
func (e *engine) runInside(name, owner string, port int) {
	text := fmt.Sprintf(`{"Name":"/%s","State":{"Status":"running"},"HostConfig":{"NetworkMode":"container:%s"},"Config":{"ExposedPorts":{"%d/tcp":{}}},"NetworkSettings":{"Networks":{}}}`,
		name, owner, port)
	e.change("start", func() { e.containers[name] = text })
}

// stop ends and removes a container.
func (e *engine) stop(name string) {
	e.change("die", func() { delete(e.containers, name) })
}
