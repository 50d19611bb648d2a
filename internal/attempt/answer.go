package attempt

import (
	"net/http"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/load"
)

// takeAnswer ends the wait with an answer, records what it says of the endpoint's load, and passes
// it to the outlier detector.
func (a *Attempt) takeAnswer(status int, connected, now load.Instant) {
	waited, blameless := a.noteAnswer(status, connected, now)
	if !waited {
		return
	}
	result := endpoint.Result{Status: status}
	switch {
	case status == http.StatusSwitchingProtocols:
		// An upgraded connection holds its place until it closes, and says nothing about speed.
		c := a.record(now, SaysNothing, result)
		a.observe(result)
		a.endpoint.Load.Park(&a.load)
		a.adapt(now, SaysNothing, endpoint.Upgraded, &c)
		a.freed()
	case blameless:
		a.recordAndObserve(now, outcomeOf(nil, false, status), endingOfStatus(status), result)
	default:
		// An error, and the time that the answer took, say nothing of the endpoint.
		c := a.record(now, SaysNothing, result)
		a.adapt(now, SaysNothing, endpoint.ClientUpload, &c)
		a.freed()
		if outcomeOf(nil, false, status) == Worked {
			a.observe(result)
		}
	}
}

// noteAnswer moves on to answered, and reports whether the attempt waited until then, and whether
// the client is blameless for how that ends. All is done under the lock once, because each request
// takes it.
func (a *Attempt) noteAnswer(status int, connected, now load.Instant) (waited, blameless bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.status, a.times.connected, a.times.firstByte = status, connected, now
	if a.stage != waiting {
		return false, false
	}
	blameless = !a.upload.failed && !a.stalls(now)
	a.stage, a.ending = answered, endingOfStatus(status)
	switch {
	case status == http.StatusSwitchingProtocols:
	case !blameless && a.ending == endpoint.FailedStatus:
		a.ending = endpoint.ClientUpload
	case blameless && a.upload.reading:
		// The time of a read that is in progress becomes the endpoint's own: an endpoint that
		// answers while the client goes on sending needed nothing more.
		a.endpoint.Load.Unpause(&a.load)
		a.upload.reading = false
	}
	return true, blameless
}
