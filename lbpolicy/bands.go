package lbpolicy

import (
	"math/rand/v2"
	"net/http"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// band is endpoints that share a part of the requests, with the tables of the algorithm. A pool has
// a band for each priority and zone that serves.
type band struct {
	endpoint.Band
	picker bandPicker
}

// transient is implemented by algorithms whose tables take long to build or are shared.
type transient interface {
	// prepareForNow returns a picker without such tables, which needs no discard. It runs on
	// requests, when a list is needed that is not prepared. An algorithm that keeps related
	// requests together keeps them where prepare does.
	prepareForNow(members []endpoint.Member) bandPicker
}

// discarder is implemented by pickers of prepare that share their tables.
type discarder interface {
	// discard is called once, when no new pick will use the picker.
	discard()
}

// warmer is implemented by pickers that are slow without a table which prepare does not build.
type warmer interface {
	// warm builds the table. It runs off the request path, while requests pick from the list
	// before.
	warm()
}

func discard(bands []band) {
	for i := range bands {
		if d, ok := bands[i].picker.(discarder); ok {
			d.discard()
		}
	}
}

// prepareForNow returns bands to pick from until their tables are there.
func (s *selector) prepareForNow(of ...endpoint.Band) []band {
	prepare := s.algorithm.prepare
	if t, ok := s.algorithm.(transient); ok {
		prepare = t.prepareForNow
	}
	bands := make([]band, len(of))
	for i, b := range of {
		bands[i] = band{b, prepare(b.Members)}
	}
	return bands
}

// placer is an algorithm that keeps related requests in the same band.
type placer interface {
	// place returns a number from 0 up to but not including 1 that is equal for related requests.
	// It returns false for a request that is related to no other.
	place(r *http.Request) (float64, bool)
}

// drawBand returns the index of the band for a request, so that each band gets its share.
func (s *selector) drawBand(snapshot *endpoint.Snapshot, r *http.Request) int {
	if len(snapshot.Bands) == 1 {
		return 0
	}
	if p, ok := s.algorithm.(placer); ok {
		if place, ok := p.place(r); ok {
			return snapshot.Draw(place)
		}
	}
	return snapshot.Draw(rand.Float64())
}

// pickFromBands picks from the drawn band, or else from the first band with a usable endpoint. It
// prefers an endpoint of any band that the request has not tried to one that it has.
func pickFromBands(bands []band, drawn int, c candidates) (*band, int) {
	for c.untriedOnly = c.attempts.Any(); ; c.untriedOnly = false {
		for n := range bands {
			b := &bands[nth(drawn, n)]
			c.members, c.share = b.Members, b.Share
			if i := b.picker.pick(c); i >= 0 {
				return b, i
			}
		}
		if !c.untriedOnly {
			return nil, -1
		}
	}
}

// nth returns the index of band number n in the order 0, 1, 2 ... with the drawn one moved to the
// front.
func nth(drawn, n int) int {
	switch {
	case n == 0:
		return drawn
	case n <= drawn:
		return n - 1
	}
	return n
}
