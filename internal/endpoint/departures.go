package endpoint

import "time"

// trackedEndpoint is an endpoint with the number of rosters that list it.
type trackedEndpoint struct {
	endpoint   *Endpoint
	rosters    int
	departedAt time.Time // when the last roster removed it
	queuedAt   time.Time // when it was added to the departures; zero if it is not among them
}

// departedKept is how long a pool remembers an endpoint that left every list, so that flapping
// membership (DNS above all) does not erase what was learned of it.
const departedKept = 10 * time.Minute

// maxDeparted is the maximum number of departures. Beyond it the oldest are forgotten early. A
// registry whose lists have other addresses each time would fill the memory otherwise.
const maxDeparted = 10_000

// departures is a queue of endpoints that left every list, each at most once. A walk over all
// endpoints of the pool instead would make each release cost more the more others there are: all
// static upstreams of a config share one pool.
type departures []*trackedEndpoint

// add notes that the last roster has removed an endpoint. An endpoint that is in the queue already,
// since it came back meanwhile, keeps its place.
func (d *departures) add(t *trackedEndpoint, now time.Time) {
	t.departedAt = now
	if t.queuedAt.IsZero() {
		d.push(t, now)
	}
}

func (d *departures) push(t *trackedEndpoint, now time.Time) {
	t.queuedAt = now
	*d = append(*d, t)
}

// expire removes the endpoints whose turn has come, and returns the addresses of those that are to
// be forgotten. An endpoint with requests in flight, or one that left again meanwhile, waits for
// another turn.
func (d *departures) expire(now time.Time) (forgotten []string) {
	for range len(*d) {
		t, tooMany := (*d)[0], len(*d) > maxDeparted
		if !tooMany && now.Sub(t.queuedAt) <= departedKept {
			break
		}
		(*d)[0] = nil
		*d = (*d)[1:]
		switch {
		case t.rosters > 0:
			t.queuedAt = time.Time{}
		case t.endpoint.InFlight() > 0 || !tooMany && now.Sub(t.departedAt) <= departedKept:
			d.push(t, now)
		default:
			forgotten = append(forgotten, t.endpoint.address)
		}
	}
	return forgotten
}
