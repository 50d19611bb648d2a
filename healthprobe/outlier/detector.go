package outlier

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/signal"
)

// detector applies a Detection to the endpoints of a roster. Attempts call Observe, which only
// counts unless a rule applies. One goroutine judges intervals and ends ejections.
type detector struct {
	*Detection
	roster *endpoint.Roster
	random func() float64
	wake   signal.Signal

	mu       sync.Mutex // guards the maps and all ejections; counting needs no lock
	members  map[*endpoint.Endpoint]bool
	ids      map[*endpoint.Endpoint]string    // of the members
	ejected  map[*endpoint.Endpoint]bool      // ejected or half-open
	reported map[*endpoint.Endpoint]time.Time // with observe_only: the end of the ejection that was not made
}

func newDetector(d *Detection, r *endpoint.Roster) *detector {
	return &detector{
		Detection: d, roster: r, random: rand.Float64, wake: signal.New(),
		members:  make(map[*endpoint.Endpoint]bool),
		ids:      make(map[*endpoint.Endpoint]string),
		ejected:  make(map[*endpoint.Endpoint]bool),
		reported: make(map[*endpoint.Endpoint]time.Time),
	}
}

// run judges intervals and ends ejections until ctx ends.
func (d *detector) run(ctx context.Context) {
	defer d.roster.BeforePublish(d.updateMembers)()
	d.roster.Watch(d)
	defer d.roster.Watch(nil)
	sweep := time.NewTicker(time.Duration(d.Interval))
	defer sweep.Stop()
	release := time.NewTimer(0)
	defer release.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-sweep.C:
			if d.roster.IsCurrent() {
				d.sweep()
			}
		case <-release.C:
		case <-d.wake.C():
		}
		release.Reset(d.releaseExpired(time.Now()))
	}
}

// Observe implements endpoint.Observer.
func (d *detector) Observe(e *endpoint.Endpoint, r endpoint.Result) {
	if e.Is(endpoint.Ejected) {
		return // the request was sent before the ejection, or because the pool ignores health
	}
	failed := r.Failed || d.failure.Contains(r.Status)
	if failed && isExcused(&e.Tally, r) {
		return
	}
	if e.Is(endpoint.HalfOpen) {
		if r.Trial { // other requests were sent before the ejection
			d.endTrial(e, failed)
		}
		return
	}
	d.count(&e.Tally, r, failed)
	d.countConsecutive(&e.Tally.Consecutive, d.ConsecutiveFailures, failed, e, endpoint.ConsecutiveFailures)
	gateway := failed && isGatewayFailure(r)
	d.countConsecutive(&e.Tally.ConsecutiveGateway, d.ConsecutiveGatewayFailures, gateway, e,
		endpoint.ConsecutiveGatewayFailures)
}

func isGatewayFailure(r endpoint.Result) bool {
	switch r.Status {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return r.Failed
}

// counter is the part of an atomic number that countConsecutive needs.
type counter interface {
	Load() int32
	Store(int32)
	Add(int32) int32
}

// countConsecutive counts failures in a row, and ejects the endpoint when they reach the limit. It
// writes nothing for a success after a success, so that attempts at good endpoints do not compete
// for a cache line.
func (d *detector) countConsecutive(
	row counter, limit int, failed bool, e *endpoint.Endpoint, cause endpoint.EjectionCause,
) {
	switch {
	case limit == off:
	case !failed:
		if row.Load() != 0 {
			row.Store(0)
		}
	case int(row.Add(1)) >= limit:
		row.Store(0) // also if the ejection is not allowed, so that the next try comes after a whole row
		what := "failures"
		if cause == endpoint.ConsecutiveGatewayFailures {
			what = "gateway failures"
		}
		d.eject(e, cause, fmt.Sprintf("%d %s in a row", limit, what))
	}
}

// eject ejects an endpoint if that is allowed. A half-open endpoint counts as ejected already, so
// no limit applies to it.
func (d *detector) eject(e *endpoint.Endpoint, cause endpoint.EjectionCause, reason string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	if d.ObserveOnly {
		d.report(e, cause, reason, now)
		return
	}
	if e.Is(endpoint.Ejected) || !d.members[e] || !d.roster.IsCurrent() {
		return
	}
	if !e.Is(endpoint.HalfOpen) && !d.mayEject(e, d.roster.Snapshot().Members) {
		d.roster.Logger().Debug("ejection is not allowed",
			zap.String("address", e.Address()), zap.String("reason", reason))
		return
	}
	times := 1
	if last := e.Ejection(); last != nil {
		times += last.Times
	}
	lasts := d.ejectionTime(times, d.random())
	e.SetEjection(&endpoint.Ejection{Times: times, Since: now, Until: now.Add(lasts), Reason: reason})
	e.Tally.Clear()
	d.ejected[e] = true
	e.CountEjection(cause)
	e.Replace(endpoint.HalfOpen, endpoint.Ejected)
	d.roster.Emit(endpoint.Event{
		Name: endpoint.BecameEjected, Address: e.Address(),
		Reason: fmt.Sprintf("%s, for %s", reason, lasts.Round(time.Millisecond)),
	})
	d.wake.Set()
}

// report counts an ejection and emits an event instead of making it, once for each time that the
// endpoint would be ejected. The caller must hold mu.
func (d *detector) report(e *endpoint.Endpoint, cause endpoint.EjectionCause, reason string, now time.Time) {
	if now.Before(d.reported[e]) || !d.members[e] {
		return
	}
	d.reported[e] = now.Add(time.Duration(d.BaseEjection))
	e.CountObservedEjection(cause)
	d.roster.Emit(endpoint.Event{Name: endpoint.WouldEject, Address: e.Address(), Reason: reason})
}
