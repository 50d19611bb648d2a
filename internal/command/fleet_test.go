package command_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

// backend answers with its version. It is replaced by a newer one at the same address, which takes
// its listener and all its connections away at once, as the end of a process does.
type backend struct {
	address string
	version int
	server  *http.Server
	busy    atomic.Int32 // requests in flight
}

func (b *backend) start(t *testing.T) {
	listener, err := net.Listen("tcp", b.address)
	if err != nil {
		t.Error(err)
		return
	}
	version := fmt.Sprint("v", b.version)
	var served atomic.Uint32
	b.server = &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.busy.Add(1)
		defer b.busy.Add(-1)
		takes := 30 * time.Millisecond
		if served.Add(1)%8 == 0 {
			takes = time.Second // longer than it takes to start the command that replaces
		}
		select {
		case <-time.After(takes):
		case <-r.Context().Done():
		}
		io.WriteString(w, version)
	})}
	go b.server.Serve(listener)
}

// fleet is the backends of a pool, which a command replaces.
type fleet struct {
	*testing.T
	backends []*backend
	replaced []string // addresses, in the order of their replacement
}

func startFleet(t *testing.T, size int) *fleet {
	f := &fleet{T: t}
	for range size {
		b := &backend{address: caddytest.FreeAddress(t), version: 1}
		b.start(t)
		f.backends = append(f.backends, b)
		t.Cleanup(func() { b.server.Close() })
	}
	return f
}

func (f *fleet) addresses() (all []string) {
	for _, b := range f.backends {
		all = append(all, b.address)
	}
	return all
}

func (f *fleet) find(address string) *backend {
	i := slices.IndexFunc(f.backends, func(b *backend) bool { return b.address == address })
	return f.backends[i]
}

// ServeHTTP replaces the backend whose address a request names.
func (f *fleet) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	b := f.find(r.FormValue("address"))
	if busy := b.busy.Load(); busy > 0 {
		f.Errorf("%s is replaced with %d requests in flight", b.address, busy)
	}
	f.replaced = append(f.replaced, b.address)
	b.server.Close()
	b.version++
	b.start(f.T)
}

// load sends requests until stop is called, which returns how many there were and which ones
// failed.
func load(t *testing.T, socket string) (stop func() (requests int, failures []string)) {
	client := &http.Client{Transport: caddytest.Transport(socket)}
	var (
		mu       sync.Mutex
		requests int
		failures []string
		over     = make(chan struct{})
		wg       sync.WaitGroup
	)
	for range 6 {
		wg.Go(func() {
			for {
				select {
				case <-over:
					return
				default:
				}
				failure := ask(client)
				mu.Lock()
				if requests++; failure != "" {
					failures = append(failures, failure)
				}
				mu.Unlock()
			}
		})
	}
	stop = sync.OnceValues(func() (int, []string) {
		close(over)
		wg.Wait()
		client.CloseIdleConnections()
		return requests, failures
	})
	t.Cleanup(func() { stop() })
	return stop
}

// ask sends a request, and returns what is wrong with the answer.
func ask(client *http.Client) (failure string) {
	response, err := client.Post("http://site/", "text/plain", strings.NewReader("not to be sent twice"))
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK || !strings.HasPrefix(string(body), "v") {
		return fmt.Sprintf("%s: %s %v", response.Status, body, err)
	}
	return ""
}
