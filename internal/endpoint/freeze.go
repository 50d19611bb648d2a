package endpoint

import (
	"errors"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// Frozen is a list that an operator made the pool keep, whatever its sources say.
type Frozen struct {
	// Revision is that of the history whose membership the list is.
	Revision uint64 `json:"revision"`

	// Since is when the list was frozen.
	Since time.Time `json:"since"`

	// By is the remote identity of the operator.
	By string `json:"by,omitempty"`

	// Reason is what the operator gave as a reason.
	Reason string `json:"reason,omitempty"`

	// Infos are the endpoints.
	Infos []listing.Info `json:"-"`
}

// Frozen returns the list that the pool keeps, nil if it follows its sources.
func (p *Pool) Frozen() *Frozen {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.frozen
}

// Frozen returns the list that the pool keeps, nil if it follows its sources.
func (r *Roster) Frozen() *Frozen { return r.pool.Frozen() }

// ErrNoSuchRevision is the error of a rollback to a revision that the history does not have, or no
// longer knows the membership of.
var ErrNoSuchRevision = errors.New("the membership of this revision is not known; " +
	"GET .../history lists the revisions with \"rollback\": true")

// ErrEmptyRevision is the error of a rollback to a list without endpoints, which would serve
// nothing until it is released.
var ErrEmptyRevision = errors.New("the list of this revision has no endpoints")

// Rollback makes the membership of a revision the list, and keeps it until Unfreeze.
func (r *Roster) Rollback(revision uint64, by, reason string) (*Frozen, error) {
	p := r.pool
	p.control.Lock()
	defer p.control.Unlock()
	r.mu.Lock() // a change of the list is in both the snapshot and the history, or in neither
	infos, ok := p.history.membershipAt(revision, r.Snapshot())
	r.mu.Unlock()
	if !ok {
		return nil, ErrNoSuchRevision
	}
	if len(infos) == 0 {
		return nil, ErrEmptyRevision
	}
	f := &Frozen{Revision: revision, Since: time.Now(), By: by, Reason: reason, Infos: infos}
	p.freeze(f)
	r.record(HistoryEntry{Kind: KindControl, Event: "frozen", To: revision, By: by, Reason: reason})
	return f, nil
}

// Unfreeze lets the pool follow its sources again, and reports whether it was frozen.
func (r *Roster) Unfreeze(by, reason string) bool {
	p := r.pool
	p.control.Lock()
	defer p.control.Unlock()
	if p.Frozen() == nil {
		return false
	}
	r.record(HistoryEntry{Kind: KindControl, Event: "released", By: by, Reason: reason})
	p.freeze(nil)
	return true
}

// freeze makes all rosters of the pool use a list, or those of their sources if it is nil.
func (p *Pool) freeze(f *Frozen) {
	p.mu.Lock()
	p.frozen = f
	rosters := make([]*Roster, len(p.rosters))
	for i, running := range p.rosters {
		rosters[i] = running.roster
	}
	p.mu.Unlock()
	for _, r := range rosters {
		r.refresh()
	}
	p.controlChanged.Set()
}

// refresh publishes the list again that the sources reported last, or the frozen one.
func (r *Roster) refresh() {
	r.mu.Lock()
	if r.reported != nil {
		r.replaceLocked(*r.reported)
	} else if f := r.Frozen(); f != nil {
		r.replaceLocked(f.Infos)
	}
	r.mu.Unlock()
	r.subscribers.notify(r)
}
