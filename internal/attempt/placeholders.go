package attempt

import (
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// Placeholders of the latest handler of a request. What asks for none of them costs a request one
// function value.
const (
	placeholderPrefix = "http.reverse_proxy."

	placeholderPool     = "pool"
	placeholderQueue    = "pool.queue_time"
	placeholderID       = "endpoint.id"
	placeholderZone     = "endpoint.zone"
	placeholderReason   = "pick.reason"
	placeholderGroup    = "pick.group"
	placeholderAttempts = "attempts"
	placeholderHedge    = "hedge"
)

// latestKey is where the variables of a request have the attempts at the latest handler: a nested
// handler such as forward_auth comes before the one whose answer the client gets.
const latestKey = "balance.latest_attempts"

// provide makes the placeholders work for a request.
func (a *RequestAttempts) provide(vars map[string]any) {
	_, provided := vars[latestKey]
	vars[latestKey] = a
	if provided {
		return
	}
	if replacer, ok := a.request.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer); ok {
		replacer.Map(func(key string) (any, bool) {
			name, found := strings.CutPrefix(key, placeholderPrefix)
			if latest, ok := vars[latestKey].(*RequestAttempts); found && ok {
				return latest.placeholder(name)
			}
			return nil, false
		})
	}
}

func (a *RequestAttempts) placeholder(name string) (any, bool) {
	switch name {
	case placeholderAttempts:
		return a.records(), true
	case placeholderHedge:
		return a.hedgeResult(), true
	case placeholderReason:
		if last := a.lastAttempt(); last != nil {
			return last.reason.String(), true
		}
		return "", true
	case placeholderQueue:
		return a.queueTime(), true
	case placeholderGroup:
		return a.assignment.Served, true
	case placeholderPool, placeholderID, placeholderZone:
		return a.ofEndpoint(name), true
	}
	return nil, false
}

// queueTime returns how long the request has waited for a place, in seconds; "" if its pool lets
// all requests in.
func (a *RequestAttempts) queueTime() any {
	if a.transport.gate == nil {
		return ""
	}
	return a.queued.Round(time.Microsecond).Seconds()
}

// ofEndpoint returns a placeholder about the endpoint of the last attempt.
func (a *RequestAttempts) ofEndpoint(name string) string {
	last := a.lastAttempt()
	if last == nil {
		if name == placeholderPool && len(a.transport.rosters) == 1 {
			return a.transport.rosters[0].Name() // in which no endpoint was usable
		}
		return ""
	}
	pool, member := a.transport.member(last.endpoint)
	switch {
	case name == placeholderPool:
		return pool
	case member == nil:
		return ""
	case name == placeholderID:
		return member.Info.Key()
	}
	return member.Info.Zone
}

// hedgeResult returns what became of a second attempt beside the first, "" if there was none.
func (a *RequestAttempts) hedgeResult() string {
	for _, sent := range a.sentAttempts {
		if sent.reason == endpoint.Hedge && sent == a.answered {
			return endpoint.HedgeWon.String()
		} else if sent.reason == endpoint.Hedge {
			return endpoint.HedgeBeaten.String()
		}
	}
	return ""
}

// records returns the attempts that were sent.
func (a *RequestAttempts) records() Records {
	var all Records
	for i := range a.sentAttempts {
		all = append(all, a.sentAttempts[i].forLog())
	}
	return all
}

func (a *RequestAttempts) lastAttempt() *Attempt {
	if a.answered != nil {
		return a.answered
	}
	if n := len(a.sentAttempts); n > 0 {
		return a.sentAttempts[n-1]
	}
	return nil
}
