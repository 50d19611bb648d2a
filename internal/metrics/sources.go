package metrics

import (
	"strconv"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

var (
	listLabel, partialLabel, errorLabel = label("result", "list"), label("result", "partial"), label("result", "error")

	sourceStates = []endpoint.SourceState{
		endpoint.SourceWaiting, endpoint.SourceLive, endpoint.SourceStale, endpoint.SourceHeld,
	}
)

// addSources adds the sources of the newest definition of a pool.
func (c *collection) addSources(r *endpoint.Roster) {
	for _, s := range r.Sources() {
		source, position := label("source", s.Name), label("position", strconv.Itoa(s.Position))
		counts := r.SourceCounts(s.Name, s.Position)
		c.add(sourceUpdates, float64(counts.Lists.Load()), c.label, position, listLabel, source)
		c.add(sourceUpdates, float64(counts.Partial.Load()), c.label, position, partialLabel, source)
		c.add(sourceUpdates, float64(counts.Errors.Load()), c.label, position, errorLabel, source)
		c.add(sourceHeld, float64(counts.Held.Load()), c.label, position, source)
		for _, state := range sourceStates {
			c.add(sourceState, boolean(s.State == state), c.label, position, source, label("state", string(state)))
		}
		if !s.LastSuccess.IsZero() {
			c.add(sourceLastSuccess, float64(s.LastSuccess.UnixMilli())/1e3, c.label, position, source)
		}
		c.add(sourceEndpoints, float64(s.Entries), c.label, position, source)
		c.add(sourceDropped, float64(s.Dropped), c.label, position, source)
	}
}
