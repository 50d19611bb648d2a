package traffic

import (
	"strings"
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// Nothing becomes free here but the places of the endpoint that warms up.
func TestAnEndpointThatWarmsUpTakesMoreAndMoreOfWhatWaits(t *testing.T) {
	const window = time.Second
	blocking := newBlockingHandler()
	fleet := startBackends(t, 2, blocking.serve)
	list := newListFile(t, fleet[0])
	options := "\nmax_requests 10\nqueue 20 1h\nslow_start 1s\n}"
	c := startProxy(t, strings.Replace(list.site(""), "\n}", options, 1)).client()
	done := make(chan error)
	for range 20 {
		go func() { done <- getOne(c, 0) }()
	}
	for range 10 {
		receive(t, blocking.arrived)
	}
	awaitGate(t, 10, 10)
	// At the start of a pool no endpoint is slowed.
	eventually(t, "the start is over", func() (running bool) {
		endpoint.Each(func(name string, p *endpoint.Pool) bool {
			running = running || name == "web" && p.Newest().Running()
			return !running
		})
		return running
	})
	began := time.Now()
	list.write(fleet...)
	for range 10 {
		receive(t, blocking.arrived)
	}
	if took := time.Since(began); took < window*8/10 {
		t.Errorf("all places were taken after %s of a start of %s", took, window)
	}
	close(blocking.release)
	for range 20 {
		if err := receive(t, done); err != nil {
			t.Error(err)
		}
	}
	for _, b := range fleet {
		if most := b.most.Load(); most != 10 {
			t.Errorf("%s had %d requests at once; its limit is 10", b.name, most)
		}
	}
	awaitGate(t, 0, 0)
}
