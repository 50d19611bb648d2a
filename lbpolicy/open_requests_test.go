package lbpolicy

import (
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/attempt"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// openRequests picks from a list without Caddy, and holds the places of requests until the test
// closes them.
type openRequests struct {
	members []endpoint.Member
	picker  bandPicker

	attempts attempt.RequestAttempts // without any; a pick without attempts would hold no place
}

func newOpenRequests(t testing.TB, a algorithm, infos []listing.Info) *openRequests {
	roster, release := endpoint.AcquireStatic()
	t.Cleanup(release)
	roster.Replace(infos)
	o := &openRequests{members: roster.Snapshot().Members}
	o.picker = a.prepare(o.members)
	t.Cleanup(func() { discard([]band{{picker: o.picker}}) })
	return o
}

// open returns the member that gets the next request, or -1.
func (o *openRequests) open() int {
	return o.picker.pick(candidates{members: o.members, share: 1, admit: admitted, attempts: &o.attempts})
}

// openMany opens requests and returns how many each member got.
func (o *openRequests) openMany(n int) []int {
	counts := make([]int, len(o.members))
	for range n {
		counts[o.open()]++
	}
	return counts
}

func (o *openRequests) close(i int) { o.members[i].Release() }

// serve opens a request and closes it at once.
func (o *openRequests) serve() int {
	i := o.open()
	o.close(i)
	return i
}

// weighted lists endpoints with these weights.
func weighted(t testing.TB, weights ...int) []listing.Info {
	infos := make([]listing.Info, len(weights))
	for i, w := range weights {
		infos[i] = listing.Info{Address: t.Name() + "-" + address(i), Weight: w}
	}
	return infos
}
