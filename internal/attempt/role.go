package attempt

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/role"
)

// runningAttempts are those of the process that end when their endpoint loses its role.
var runningAttempts role.All[*Attempt]

// EndOnUnhealthy ends the attempts at endpoints of a roster that lose their role and do not get it
// back within the grace, until stop is called. It may only be called while the handler is
// provisioned.
func (t *Transport) EndOnUnhealthy(r *endpoint.Roster, grace time.Duration) (stop func()) {
	w := role.NewWatch(&runningAttempts, r, grace, role.AbsentKeeps)
	t.roles = append(t.roles, w)
	return w.Stop
}

// Endpoint implements role.Running.
func (a *Attempt) Endpoint() *endpoint.Endpoint { return a.endpoint }

// followed is what ends an attempt whose endpoint loses its role. The lock of the attempt guards
// it.
type followed struct {
	cancel   context.CancelFunc // of its request
	upgraded io.Closer          // the connection, once it speaks another protocol
	aborted  bool
	end      func() // ends following; nil before
}

// followRole returns the request as it is sent, so that it ends when the endpoint loses its role.
func (a *Attempt) followRole(req *http.Request) *http.Request {
	for _, w := range a.transport.roles {
		if w.Watches(a.endpoint) {
			ctx, cancel := context.WithCancel(req.Context())
			a.setRole(&followed{cancel: cancel})
			a.setUnfollow(w.Follow(a))
			return req.WithContext(ctx)
		}
	}
	return req
}

func (a *Attempt) setRole(f *followed) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.role = f
}

// setUnfollow makes the end of the attempt call end, or calls it if that is over.
func (a *Attempt) setUnfollow(end func()) {
	a.mu.Lock()
	over := a.stage == ended
	a.role.end = end
	a.mu.Unlock()
	if over {
		end()
	}
}

// Abort implements role.Running. net/http does not end a connection that speaks another protocol
// with its request, so that is closed too.
func (a *Attempt) Abort() {
	a.mu.Lock()
	f := a.role
	f.aborted = a.stage != ended
	if a.stage == answered {
		a.ending = endpoint.RoleLost
	}
	upgraded := f.upgraded
	a.mu.Unlock()
	f.cancel()
	if upgraded != nil {
		_ = upgraded.Close()
	}
}

// setUpgraded notes the connection of the attempt, which speaks another protocol now.
func (a *Attempt) setUpgraded(c io.Closer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.role == nil {
		return
	}
	if a.role.upgraded = c; a.role.aborted {
		go c.Close()
	}
}

func (a *Attempt) isAborted() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.role != nil && a.role.aborted
}

// explained returns the error of an attempt. One that was aborted must not look as if the client
// had gone away.
func (a *Attempt) explained(err error) error {
	if a.isAborted() {
		return fmt.Errorf("endpoint %s has lost its role (close_on_unhealthy)", a.endpoint.Address())
	}
	return err
}
