package status

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/caddy-balance/caddy-balance/internal/attempt"
	"github.com/caddy-balance/caddy-balance/internal/count"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/limit"
)

// admissionOf returns what the limits of a pool would make of a request that was explained, nil if
// the pool lets all requests in.
func admissionOf(roster *endpoint.Roster, e *endpoint.Explanation, r *http.Request) *endpoint.Admission {
	settings, gate := roster.Limits().Settings(), &roster.Limits().Gate
	if !settings.Gate.IsGated() && settings.Adaptive == nil {
		return nil
	}
	class := attempt.ClassOf(r, settings.Class)
	a := admit(settings.Gate, gate, class, areFull(roster.Snapshot(), e, settings.Adaptive))
	if settings.Class != "" {
		a.Class = class.String()
	}
	return &a
}

// areFull reports whether no endpoint can take the request, and an endpoint could if it had fewer.
func areFull(s *endpoint.Snapshot, e *endpoint.Explanation, adaptive *limit.AdaptiveSettings) bool {
	if slices.ContainsFunc(e.Endpoints, func(x endpoint.ExplainedEndpoint) bool { return x.Usable }) {
		return false
	}
	for i := range s.Members {
		m := &s.Members[i]
		if most := m.MostRequests(adaptive); m.Weight > 0 && !m.Is(s.Blocking) && most > 0 && m.InFlight() >= most {
			return true
		}
	}
	return false
}

// admit says what a gate would make of a request of a class. full says that all endpoints have as
// many requests as they may.
func admit(s limit.GateSettings, gate *limit.Gate, class limit.Class, full bool) endpoint.Admission {
	inFlight, waiting, before := gate.InFlight(), 0, 0
	for c := range limit.Class(limit.ClassCount) {
		n := gate.Waiting(c)
		if waiting += n; c <= class {
			before += n
		}
	}
	used := fmt.Sprintf("%s in flight, and max_in_flight is %d", count.Of(inFlight, "request"), s.MaxInFlight)
	var why string
	switch {
	case s.MaxInFlight > 0 && inFlight >= s.MaxInFlight:
		why = used
	case full:
		why = "all endpoints have as many requests as they may"
	case waiting > 0:
		why = "others wait already"
	case s.MaxInFlight > 0:
		return endpoint.Admission{
			Result: endpoint.AdmissionEnters, Reason: used,
		}
	default:
		return endpoint.Admission{Result: endpoint.AdmissionEnters, Reason: "an endpoint has room"}
	}
	switch {
	case s.QueueLength == 0:
		return endpoint.Admission{Result: endpoint.AdmissionRefused, Reason: why + "; the pool has no queue"}
	case waiting < s.QueueLength:
		return endpoint.Admission{Result: endpoint.AdmissionWaits, Reason: fmt.Sprintf(
			"%s; it would be number %d in the queue, for up to %s", why, before+1, s.QueueTimeout)}
	case before < waiting:
		return endpoint.Admission{Result: endpoint.AdmissionWaits, Reason: fmt.Sprintf(
			"%s; the queue is full, and a request of a lower class makes room", why)}
	}
	return endpoint.Admission{Result: endpoint.AdmissionRefused, Reason: fmt.Sprintf(
		"%s; the queue is full, with %s", why, count.Of(waiting, "request"))}
}
