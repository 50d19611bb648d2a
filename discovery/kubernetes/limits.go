package kubernetes

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/caddy-balance/caddy-balance/internal/jsonlist"
)

const (
	// maxListSize limits the size of a list in bytes, with all its pages. A thousand endpoints take
	// half a megabyte, and the largest clusters have a tenth of what fits. The limit keeps another
	// server at that address from filling the memory. Watches need no such limit, because client-go
	// limits the size of each event, and the store limits what it keeps of them.
	maxListSize = 64 << 20

	// pageSize is how many objects of a list a reflector asks for at once.
	pageSize = 500

	// morePages is how many more pages a list may have than its objects need. A page may have fewer
	// if the server filters them, but a server could go on with empty pages for ever.
	morePages = 20

	// objectsPerEndpoint has room for an endpoint with its conditions, its pod and its hints, and
	// for slices that hold a few endpoints each.
	objectsPerEndpoint = 8

	// valuesPerEndpoint has room for the fields of these objects.
	valuesPerEndpoint = 60

	// storedPerEndpoint is how many endpoints, slices and ports are kept for each endpoint of the
	// pool: a slice may hold only one endpoint, and its Service may have two families.
	storedPerEndpoint = 5

	// hintsPerEndpoint is how many hints take as much memory as an endpoint.
	hintsPerEndpoint = 8

	// storedSizePerEndpoint is how many bytes they may take, in the encoding of the API. An
	// endpoint with long names and hints takes a quarter.
	storedSizePerEndpoint = 2 << 10
)

// roomFor returns the number of endpoints that the limits are for. It leaves room for a Service
// with all its metadata if the pool takes few endpoints, and keeps the limits within an int.
func roomFor(maxEndpoints int) int { return min(max(maxEndpoints, 1000), 1_000_000) }

// pages is what the pages of one list have had so far, and what is left for further ones.
type pages struct {
	quota     jsonlist.Quota
	read, max int // numbers of pages
}

func newPages(room int) *pages {
	return &pages{
		max:   storedPerEndpoint*room/pageSize + morePages,
		quota: jsonlist.Quota{Bytes: maxListSize, Objects: objectsPerEndpoint * room, Values: valuesPerEndpoint * room},
	}
}

// turn begins another page.
func (p *pages) turn() error {
	if p.read++; p.read > p.max {
		return fmt.Errorf("the list has more than %d pages; max_endpoints of the pool allows more", p.max)
	}
	return nil
}

type pagesKey struct{}

// with returns a context for the request of a page.
func (p *pages) with(ctx context.Context) context.Context {
	return context.WithValue(ctx, pagesKey{}, p)
}

// limitedTransport limits the size of each answer that is not a watch, and how many objects are in
// it, or in each event of a watch.
type limitedTransport struct {
	http.RoundTripper
	room int                     // see roomFor
	sent *atomic.Pointer[string] // the credentials of the last request
}

// RoundTrip implements http.RoundTripper.
func (l limitedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if credentials := r.Header.Get("Authorization"); credentials != "" {
		l.sent.Store(&credentials)
	}
	response, err := l.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if !strings.Contains(r.URL.RawQuery, "watch=true") {
		response.Body = http.MaxBytesReader(nil, response.Body, maxListSize)
	}
	body := &jsonlist.Reader{
		ReadCloser: response.Body, MaxObjects: objectsPerEndpoint * l.room, MaxValues: valuesPerEndpoint * l.room,
	}
	if p, ok := r.Context().Value(pagesKey{}).(*pages); ok {
		body.Shared = &p.quota
	}
	response.Body = body
	return response, nil
}
