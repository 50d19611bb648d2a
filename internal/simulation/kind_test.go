package simulation

import (
	"math/rand/v2"
	"net/http"
	"time"
)

// kind is one kind of request in mixed traffic. Requests of a kind are alike in what they ask of a
// backend, and in how their client behaves.
type kind struct {
	rate    float64       // requests per second
	since   time.Duration // when the first one comes
	until   time.Duration // when the last one comes; 0 means the end of the run
	request func(r *rand.Rand) (method, path string)
	header  http.Header
	work    func(r *rand.Rand) time.Duration // nil means none
	fails   float64                          // the share of requests with an error for an answer, at any backend

	answer answer        // nil means a response after the work
	lasts  time.Duration // for how long a parked request stays
	leaves bool          // the client ends the parked request; otherwise the backend does
	stalls bool          // the client sends no more than the header of its request

	unmeasured bool // its times are not in the result
}

// sameRequest is the kind of all requests in scenarios without mixed traffic.
var sameRequest = kind{}

func (k *kind) arrival(rng *rand.Rand, at time.Duration, proxy int) arrival {
	a := arrival{at: at, proxy: proxy, kind: k, luck: rng.Float64()}
	if k.work != nil {
		a.drawn = k.work(rng)
	}
	a.method, a.path = k.request(rng)
	return a
}

// parked reports whether requests of the kind stay open without work for the backend.
func (k *kind) parked() bool { return k.lasts > 0 }

// patience returns when the client leaves, counted from the arrival.
func (k *kind) patience(deadline time.Duration) time.Duration {
	if k.leaves {
		return k.lasts
	}
	return 2*k.lasts + deadline
}

// get makes all requests of a kind a GET of one path.
func get(path string) func(*rand.Rand) (string, string) {
	return func(*rand.Rand) (string, string) { return http.MethodGet, path }
}
