package command

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/count"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// endpointText shows all that is known of an endpoint, one fact a line.
func endpointText(e *endpointAnswer, now time.Time) string {
	t := table{head: []string{"endpoint", e.Address}}
	fact := func(name, value string) {
		if value != "" {
			t.add(name, value)
		}
	}
	fact("id", e.ID)
	fact("zone", e.Zone)
	fact("priority", number(e.Priority))
	fact("group", e.group())
	for _, key := range slices.Sorted(maps.Keys(e.Metadata)) {
		fact("metadata", key+" = "+e.Metadata[key])
	}
	if e.Source != nil {
		fact("source", fmt.Sprintf("%s, number %d of the pool", e.Source.Name, e.Source.Position))
	}
	if e.State == "" {
		fact("state", "registered; the pool does not list it yet")
		return t.String()
	}
	fact("state", stateText(&e.Status, now))
	fact("weight", fmt.Sprintf("%.4g%s", e.EffectiveWeight, because(strings.Join(e.WeightReasons, "; "))))
	fact("in flight", inFlightText(e))
	fact("sessions", e.sessions())
	if time := e.relativeTime(); time != "" {
		fact("time", time+" of what is usual in the pool")
	}
	if e.Check != nil {
		for _, p := range e.Check.Probes {
			fact("check", p.Name+" "+probeText(p.Checked, p.Passes, p.LastFailure, age(p.Since, now)))
		}
	}
	if j := e.Ejection; j != nil {
		times := count.Of(j.Times, "time")
		fact("ejected", fmt.Sprintf("%s, last until %s%s", times, clock(j.Until), because(j.Reason)))
	}
	if e.Override != nil {
		fact("override", overrideText(e.Override, now))
	}
	return t.String()
}

func stateText(s *endpoint.Status, now time.Time) string {
	text := s.State
	if since := age(s.Since, now); since != "" {
		text += " for " + since
	}
	switch healthy := s.State == "healthy"; {
	case healthy && !s.Usable:
		text += ", not in use"
	case !healthy && s.Usable:
		text += ", in use nevertheless"
	}
	return text + because(s.Reason)
}

func inFlightText(e *endpointAnswer) string {
	text := fmt.Sprint(e.Load.InFlight)
	if e.MaxRequests > 0 {
		text += fmt.Sprint(" of at most ", e.MaxRequests)
	}
	if e.Adaptive > 0 {
		text += fmt.Sprintf(" (adaptive limit: %d)", e.Adaptive)
	}
	return text + fmt.Sprintf("; %d waiting for the first byte, %d parked", e.Load.Waiting, e.Load.Parked)
}

func probeText(checked, passes bool, failure, since string) string {
	switch {
	case !checked:
		return "has not ended"
	case passes:
		return "passes for " + since
	}
	return "fails for " + since + because(failure)
}

// overrideText says what an operator decided, for how long, when and why.
func overrideText(o *endpoint.Override, now time.Time) string {
	var what []string
	if o.State != "" {
		what = append(what, string(o.State))
	}
	if o.Weight != nil {
		what = append(what, fmt.Sprintf("weight %d", *o.Weight))
	}
	until := "cleared"
	if !o.Until.IsZero() {
		until = clock(o.Until)
	}
	return fmt.Sprintf("%s until %s, by %s %s ago%s",
		strings.Join(what, " and "), until, cmp.Or(o.By, "?"), age(o.Since, now), because(o.Reason))
}
