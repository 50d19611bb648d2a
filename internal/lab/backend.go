package main

import (
	"context"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/arrivals"
)

// Headers in which a request says what it costs.
const (
	workHeader   = "Lab-Work"
	parkedHeader = "Lab-Parked"
)

// backend answers requests on a few simulated cores.
type backend struct {
	speed float64
	cores chan struct{} // a buffered value for each busy core
	fault atomic.Pointer[fault]
}

// fault replaces the answers of a backend for a time.
type fault struct {
	begin, end time.Time
	serve      http.HandlerFunc
}

func (f *fault) isActive(now time.Time) bool {
	return f != nil && !now.Before(f.begin) && now.Before(f.end)
}

func newBackend(speed float64) *backend {
	return &backend{speed: speed, cores: make(chan struct{}, cores)}
}

func (b *backend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if f := b.fault.Load(); f.isActive(time.Now()) {
		f.serve(w, r)
		return
	}
	work, err := time.ParseDuration(r.Header.Get(workHeader))
	switch {
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	case r.Header.Get(parkedHeader) != "":
		arrivals.Sleep(r.Context(), work)
	default:
		b.work(r.Context(), time.Duration(float64(work)/b.speed))
	}
	w.Write([]byte("done\n"))
}

// work waits for a core and holds it. A client that goes away gives up its place in the queue, but
// what has begun goes on, as in a server that computes.
func (b *backend) work(ctx context.Context, d time.Duration) {
	select {
	case b.cores <- struct{}{}:
		time.Sleep(d)
		<-b.cores
	case <-ctx.Done():
	}
}

// slow answers after 2 s. It needs no core, so that the delay does not grow by a queue.
func slow(w http.ResponseWriter, r *http.Request) {
	arrivals.Sleep(r.Context(), 2*time.Second)
	w.Write([]byte("done\n"))
}

// hang answers when the client has gone.
func hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

func fail(w http.ResponseWriter, r *http.Request) {
	arrivals.Sleep(r.Context(), time.Millisecond)
	http.Error(w, "broken", http.StatusInternalServerError)
}

// fleet is the backends of one run.
type fleet struct {
	servers   []*http.Server
	addresses []string
	first     *backend
}

// startFleet starts the backends of a scenario on free ports.
func startFleet(s *scenario) (*fleet, error) {
	f := new(fleet)
	for _, speed := range s.speeds {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			f.stop()
			return nil, err
		}
		b := newBackend(speed)
		if f.first == nil {
			f.first = b
		}
		server := &http.Server{Handler: b}
		f.servers = append(f.servers, server)
		f.addresses = append(f.addresses, listener.Addr().String())
		go server.Serve(listener)
	}
	return f, nil
}

// schedule sets when the fault of the scenario happens, for a run that lasts d.
func (f *fleet) schedule(s *scenario, start time.Time, d time.Duration) {
	if s.fault != nil {
		f.first.fault.Store(&fault{
			begin: start.Add(time.Duration(faultBegins * float64(d))),
			end:   start.Add(time.Duration(faultEnds * float64(d))),
			serve: s.fault,
		})
	}
}

func (f *fleet) stop() {
	for _, s := range f.servers {
		s.Close()
	}
}
