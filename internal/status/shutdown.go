package status

import (
	"net/http"
	"sync"
)

// shutdowns has a channel for each server that has streams. It is closed as the server begins to
// shut down.
var shutdowns = struct {
	sync.Mutex
	of map[*http.Server]chan struct{}
}{of: make(map[*http.Server]chan struct{})}

// shutdownOf returns a channel that is closed when the server of a request begins to shut down.
// Otherwise a stream would keep the server of an old config running. It is nil if that is not
// known, as with HTTP/3.
func shutdownOf(r *http.Request) <-chan struct{} {
	server, ok := r.Context().Value(http.ServerContextKey).(*http.Server)
	if !ok {
		return nil
	}
	shutdowns.Lock()
	defer shutdowns.Unlock()
	if known := shutdowns.of[server]; known != nil {
		return known
	}
	begins := make(chan struct{})
	shutdowns.of[server] = begins
	server.RegisterOnShutdown(sync.OnceFunc(func() { // a server may be shut down twice
		shutdowns.Lock()
		defer shutdowns.Unlock()
		delete(shutdowns.of, server)
		close(begins)
	}))
	return begins
}
