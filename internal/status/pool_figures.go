package status

import (
	"encoding/json"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/load"
)

// nothing is a part of a pool's status that the pool does not have, in JSON.
const nothing = "null"

// poolParts returns the parts of a pool's status that change while requests come, beside the
// figures of its endpoints. A part that the pool does not have is nil.
func poolParts(r *endpoint.Roster, now load.Instant) map[string]any {
	parts := map[string]any{
		"limits": newLimitsStatus(r, now), "hedges": newHedgesStatus(r),
		"sessions": endpoint.SessionTablesOf(r.Name()).Counts(time.Now()), "groups": r.Groups(),
	}
	if n := r.Ungrouped(); n > 0 {
		parts["ungrouped"] = n
	} else {
		parts["ungrouped"] = nil
	}
	return parts
}

// poolEvent returns the data of the event "pool": the parts of the pool's status that have changed
// since the last time. One that the pool does not have any more is null. changed says whether there
// are any.
func (f *figures) poolEvent(r *endpoint.Roster, now load.Instant) (event map[string]json.RawMessage, changed bool) {
	event = make(map[string]json.RawMessage)
	if f.parts == nil {
		f.parts = make(map[string]string)
	}
	for name, part := range poolParts(r, now) {
		data, err := json.Marshal(part)
		if err != nil {
			continue // they have no type that fails
		}
		before, sent := f.parts[name]
		if before == string(data) || !sent && string(data) == nothing {
			continue
		}
		f.parts[name], event[name] = string(data), data
	}
	return event, len(event) > 0
}
