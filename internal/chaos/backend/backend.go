package backend

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
)

// Headers of requests and answers.
const (
	WorkHeader = "Chaos-Work"    // how long a request takes
	IDHeader   = "Chaos-ID"      // a request, see SeenPath
	NameHeader = "Chaos-Backend" // the name of the backend that answers
)

// Paths. Any other path is that of a request with work.
const (
	HealthPath  = "/health"
	ControlPath = "/control" // GET returns the State, and PUT sets the Orders
	SeenPath    = "/seen/"   // followed by an ID; 404 if there was no such request
	SocketPath  = "/socket"  // a websocket that sends back each message
)

// Orders are what a backend is told to do.
type Orders struct {
	Fault    Fault `json:"fault"`
	Draining bool  `json:"draining"` // health checks are answered with 503
}

// State is what a backend knows of its requests with work, those of websockets excluded.
type State struct {
	Now  int64 `json:"now"`  // in flight
	Most int64 `json:"most"` // in flight at the same time, so far
}

type server struct {
	name      string
	orders    atomic.Pointer[Orders]
	now, most atomic.Int64
	seen      sync.Map // IDs of requests
	body      []byte
}

// bodySize is more than one packet, so that a body can break in the middle.
const bodySize = 8 << 10

func newServer(name string) *server {
	s := &server{name: name, body: bytes.Repeat([]byte("."), bodySize)}
	s.orders.Store(new(Orders))
	return s
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set(NameHeader, s.name)
	switch r.URL.Path {
	case HealthPath:
		if s.orders.Load().Draining {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	case ControlPath:
		s.control(w, r)
	case SocketPath:
		echo(w, r)
	default:
		if id, ok := strings.CutPrefix(r.URL.Path, SeenPath); ok {
			s.tellSeen(w, id)
			return
		}
		s.serve(w, r)
	}
}

func (s *server) control(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPut {
		orders := new(Orders)
		if err := json.NewDecoder(r.Body).Decode(orders); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		s.orders.Store(orders)
	}
	json.NewEncoder(w).Encode(State{Now: s.now.Load(), Most: s.most.Load()})
}

func (s *server) tellSeen(w http.ResponseWriter, id string) {
	if _, ok := s.seen.Load(id); !ok {
		w.WriteHeader(http.StatusNotFound)
	}
}

// serve reads a request, works for as long as it says, and answers unless a fault keeps it from
// that.
func (s *server) serve(w http.ResponseWriter, r *http.Request) {
	s.seen.Store(r.Header.Get(IDHeader), true)
	s.enter()
	defer s.now.Add(-1)
	if fault := s.orders.Load().Fault; fault != "" {
		fault.serve(w, r)
		return
	}
	io.Copy(io.Discard, r.Body)
	if work, err := time.ParseDuration(r.Header.Get(WorkHeader)); err == nil {
		time.Sleep(work)
	}
	w.Write(s.body)
}

func (s *server) enter() {
	now := s.now.Add(1)
	for most := s.most.Load(); now > most && !s.most.CompareAndSwap(most, now); most = s.most.Load() {
	}
}

func echo(w http.ResponseWriter, r *http.Request) {
	socket, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		return
	}
	defer socket.CloseNow()
	for {
		kind, message, err := socket.Read(r.Context())
		if err != nil || socket.Write(r.Context(), kind, message) != nil {
			return
		}
	}
}
