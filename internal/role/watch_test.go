package role_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/endpointtest"
	"github.com/caddy-balance/caddy-balance/internal/role"
)

// request is something that runs at an endpoint.
type request struct {
	e     *endpoint.Endpoint
	ended atomic.Bool
}

func (r *request) Endpoint() *endpoint.Endpoint { return r.e }
func (r *request) Abort()                       { r.ended.Store(true) }

// checks is a monitor that sets nothing by itself.
type checks struct{}

func (checks) Run(ctx context.Context, _ *endpoint.Roster) { <-ctx.Done() }
func (checks) Conditions() endpoint.Condition              { return endpoint.ProbeFailed }

// watched runs a test with a pool of a and b and a watch of it.
func watched(t *testing.T, grace time.Duration, test func(*endpointtest.Pool, *role.Watch[*request])) {
	watchedAs(t, role.AbsentKeeps, grace, test)
}

func watchedAs(
	t *testing.T, absent role.Absent, grace time.Duration, test func(*endpointtest.Pool, *role.Watch[*request]),
) {
	endpointtest.Run(t, func(p *endpointtest.Pool) {
		p.SetEndpoints("a", "b")
		w := role.NewWatch(new(role.All[*request]), p.Claim.Roster, grace, absent)
		defer w.Stop()
		test(p, w)
	}, checks{})
}

func TestWhatRunsEndsAfterTheGrace(t *testing.T) {
	watched(t, 10*time.Second, func(p *endpointtest.Pool, w *role.Watch[*request]) {
		a, b := &request{e: p.Endpoint("a")}, &request{e: p.Endpoint("b")}
		defer w.Follow(a)()
		defer w.Follow(b)()
		a.e.Set(endpoint.ProbeFailed, true)
		if p.Sleep(9 * time.Second); a.ended.Load() {
			t.Error("it ended within the grace")
		}
		if p.Sleep(2 * time.Second); !a.ended.Load() {
			t.Error("it goes on after the grace")
		}
		if b.ended.Load() {
			t.Error("what runs at the other endpoint ended")
		}
	})
}

func TestWhatRunsStaysIfTheRoleComesBackWithinTheGrace(t *testing.T) {
	watched(t, 10*time.Second, func(p *endpointtest.Pool, w *role.Watch[*request]) {
		a := &request{e: p.Endpoint("a")}
		defer w.Follow(a)()
		a.e.Set(endpoint.ProbeFailed, true)
		p.Sleep(8 * time.Second)
		a.e.Set(endpoint.ProbeFailed, false)
		p.Sleep(time.Second)
		a.e.Set(endpoint.ProbeFailed, true)
		if p.Sleep(8 * time.Second); a.ended.Load() {
			t.Error("the grace did not begin again")
		}
	})
}

func TestWhatBeginsAfterTheGraceEndsAtOnce(t *testing.T) {
	watched(t, 0, func(p *endpointtest.Pool, w *role.Watch[*request]) {
		a := &request{e: p.Endpoint("a")}
		a.e.Set(endpoint.ProbeFailed, true)
		p.Sleep(time.Second)
		defer w.Follow(a)()
		if p.Sleep(0); !a.ended.Load() {
			t.Error("it goes on")
		}
	})
}

func TestNothingEndsWhileThePoolIgnoresHealth(t *testing.T) {
	watched(t, 0, func(p *endpointtest.Pool, w *role.Watch[*request]) {
		a, b := &request{e: p.Endpoint("a")}, &request{e: p.Endpoint("b")}
		b.e.Set(endpoint.ProbeFailed, true)
		p.Sleep(time.Second)
		defer w.Follow(a)()
		a.e.Set(endpoint.ProbeFailed, true) // both fail now, and the pool fails open
		if p.Sleep(time.Second); a.ended.Load() {
			t.Error("it ended")
		}
	})
}

func TestWhatHasEndedIsForgotten(t *testing.T) {
	watched(t, 0, func(p *endpointtest.Pool, w *role.Watch[*request]) {
		a := &request{e: p.Endpoint("a")}
		w.Follow(a)()
		a.e.Set(endpoint.ProbeFailed, true)
		if p.Sleep(time.Second); a.ended.Load() {
			t.Error("it was ended again")
		}
	})
}

func TestWhatRunsAtAnEndpointThatLeftTheListEndsIfItIsToLoseItsRole(t *testing.T) {
	for _, absent := range []role.Absent{role.AbsentKeeps, role.AbsentLoses} {
		watchedAs(t, absent, 10*time.Second, func(p *endpointtest.Pool, w *role.Watch[*request]) {
			a, b := &request{e: p.Endpoint("a")}, &request{e: p.Endpoint("b")}
			defer w.Follow(a)()
			defer w.Follow(b)()
			p.SetEndpoints("b")
			if p.Sleep(9 * time.Second); a.ended.Load() {
				t.Errorf("%v: it ended within the grace", absent)
			}
			if p.Sleep(2 * time.Second); a.ended.Load() != bool(absent) {
				t.Errorf("%v: ended %v", absent, a.ended.Load())
			}
			if b.ended.Load() {
				t.Errorf("%v: what runs at the other endpoint ended", absent)
			}
		})
	}
}

func TestWhatRunsAtAnEndpointThatCameBackWithinTheGraceStays(t *testing.T) {
	watchedAs(t, role.AbsentLoses, 10*time.Second, func(p *endpointtest.Pool, w *role.Watch[*request]) {
		a := &request{e: p.Endpoint("a")}
		defer w.Follow(a)()
		p.SetEndpoints("b")
		p.Sleep(9 * time.Second)
		p.SetEndpoints("a", "b")
		if p.Sleep(time.Minute); a.ended.Load() {
			t.Error("it ended")
		}
	})
}
