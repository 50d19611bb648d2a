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
)

// detector is an Outlier at work on a roster.
type detector struct {
	*Detection
	roster *endpoint.Roster
	random func() float64
	wake   chan struct{}

	mu       sync.Mutex // of ejections, which are rare; attempts only count
	members  map[*endpoint.Endpoint]bool
	out      map[*endpoint.Endpoint]bool      // ejected or on trial
	observed map[*endpoint.Endpoint]time.Time // until when one that is only observed would be out
}

func newDetector(o *Detection, r *endpoint.Roster) *detector {
	return &detector{
		Detection: o, roster: r, random: rand.Float64, wake: make(chan struct{}, 1),
		members: make(map[*endpoint.Endpoint]bool), out: make(map[*endpoint.Endpoint]bool), observed: make(map[*endpoint.Endpoint]time.Time),
	}
}

// Observe implements endpoint.Observer.
func (d *detector) Observe(e *endpoint.Endpoint, r endpoint.Result) {
	if e.Is(endpoint.Ejected) {
		return // it was sent before, or in spite of it
	}
	failed := r.Failed || d.failure.Contains(r.Status)
	if e.Is(endpoint.HalfOpen) {
		d.conclude(e, failed)
		return
	}
	e.Tally.Count(failed, r.Latency)
	d.countRow(&e.Tally.Consecutive, d.ConsecutiveFailures, failed, e, "failures")
	d.countRow(&e.Tally.ConsecutiveGateway, d.ConsecutiveGatewayFailures, failed && isGateway(r), e, "gateway failures")
}

func isGateway(r endpoint.Result) bool {
	switch r.Status {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return r.Failed
}

// counter is what countRow needs of an atomic number.
type counter interface {
	Load() int32
	Store(int32)
	Add(int32) int32
}

// countRow counts failures in a row. An endpoint that is all right is not written to.
func (d *detector) countRow(row counter, limit int, failed bool, e *endpoint.Endpoint, what string) {
	switch {
	case limit == never:
	case !failed:
		if row.Load() != 0 {
			row.Store(0)
		}
	case int(row.Add(1)) >= limit:
		row.Store(0) // whether or not it may be ejected: the next try comes after as many again
		d.eject(e, fmt.Sprintf("%d %s in a row", limit, what))
	}
}

// eject takes an endpoint out, if it may be.
func (d *detector) eject(e *endpoint.Endpoint, reason string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	if d.ObserveOnly {
		d.observe(e, reason, now)
		return
	}
	if e.Is(endpoint.Ejected) || !d.members[e] || !d.roster.IsCurrent() {
		return
	}
	if !e.Is(endpoint.HalfOpen) && !d.mayEject(e, d.roster.Snapshot().Members) {
		d.roster.Logger().Debug("endpoint is not ejected, as too many are or it is the last one", zap.String("address", e.Address()), zap.String("reason", reason))
		return
	}
	times := 1
	if j := e.Ejection(); j != nil {
		times += j.Times
	}
	lasts := d.ejectionTime(times, d.random())
	e.SetEjection(&endpoint.Ejection{Times: times, Since: now, Until: now.Add(lasts), Reason: reason})
	e.Tally.Clear()
	d.out[e] = true
	e.Replace(endpoint.HalfOpen, endpoint.Ejected)
	d.roster.Emit(endpoint.Event{Name: endpoint.BecameEjected, Address: e.Address(), Reason: fmt.Sprintf("%s, for %s", reason, lasts.Round(time.Millisecond))})
	d.wakeUp()
}

// observe says once for each time that an endpoint would be out.
func (d *detector) observe(e *endpoint.Endpoint, reason string, now time.Time) {
	if now.Before(d.observed[e]) || !d.members[e] {
		return
	}
	d.observed[e] = now.Add(time.Duration(d.BaseEjection))
	d.roster.Emit(endpoint.Event{Name: endpoint.WouldEject, Address: e.Address(), Reason: reason})
}

// conclude ends the trial of an endpoint.
func (d *detector) conclude(e *endpoint.Endpoint, failed bool) {
	if failed {
		d.eject(e, "the request that tried it failed")
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if e.Is(endpoint.HalfOpen) && d.roster.IsCurrent() {
		d.readmit(e, "a request worked")
	}
}

func (d *detector) readmit(e *endpoint.Endpoint, reason string) {
	event := endpoint.Event{Name: endpoint.Readmitted, Address: e.Address(), Reason: reason}
	if j := e.Ejection(); j != nil {
		event.Since = j.Since
	}
	delete(d.out, e)
	e.Tally.Clear()
	e.Set(endpoint.Ejected|endpoint.HalfOpen, false)
	d.roster.Emit(event)
}

func (d *detector) wakeUp() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// run judges windows and ends ejections until ctx ends.
func (d *detector) run(ctx context.Context) {
	defer d.roster.Subscribe(d.updateMembers)()
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
		case <-d.wake:
		}
		release.Reset(d.release(time.Now()))
	}
}
