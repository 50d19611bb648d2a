package lbpolicy

import (
	"math/rand/v2"
	"net/http"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// band is endpoints that share a part of the requests, and what the algorithm prepared for them. A pool
// has one for each priority and zone that serves.
type band struct {
	endpoint.Band
	picker prepared
}

// placer is an algorithm that sends some requests to the same place, whichever band that is in.
type placer interface {
	// place is a number from 0 up to but not including 1 that is the same for requests that belong
	// together; false if the request belongs with no other.
	place(r *http.Request) (float64, bool)
}

// draw is the band for a request, so that each gets its share.
func (s *selector) draw(snapshot *endpoint.Snapshot, r *http.Request) int {
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

// choose picks from the drawn band, or from the next one that has somebody usable; from what this request has not tried
// as long as there is any in any of them.
func choose(bands []band, drawn int, c candidates) (*band, int) {
	for c.untriedOnly = c.tries.Any(); ; c.untriedOnly = false {
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

// nth is the index of band number n in the order of 0, 1, 2 ... with the drawn one moved to the front.
func nth(drawn, n int) int {
	switch {
	case n == 0:
		return drawn
	case n <= drawn:
		return n - 1
	}
	return n
}
