package endpoint

import (
	"fmt"
	"maps"
	"math"
	"time"
)

// GroupState is what holds of a group of endpoints whatever the config says: the share that was set
// for it. It belongs to a group with the same endpoints, and not to one that is given its name.
type GroupState struct {
	// Share is the share of the requests that was set, in percent; nil leaves it to the config.
	Share *float64 `json:"share,omitempty"`

	// By is the remote identity of the operator.
	By string `json:"by,omitempty"`

	// Reason is why the share was set.
	Reason string `json:"reason,omitempty"`

	// Since is when the share was set.
	Since time.Time `json:"since,omitzero"`

	// Step is the index of the step that the group has reached by itself, and StepSince is when;
	// zero before the first one has begun.
	Step      int       `json:"step,omitempty"`
	StepSince time.Time `json:"step_since,omitzero"`
}

// GroupStates are the states of the groups of a pool. They never change.
type GroupStates map[string]GroupState

// maxGroupStates bounds the states of a pool, because they outlive the groups of a config.
const maxGroupStates = 1000

// ErrTooManyGroups is the error of a state beyond the maximum number of a pool.
var ErrTooManyGroups = fmt.Errorf("the pool has shares of %d groups already", maxGroupStates)

// Check returns an error that names the field which is invalid.
func (g *GroupState) Check() error {
	if g.Share != nil && !(*g.Share >= 0 && *g.Share <= 100) {
		return fmt.Errorf("share: %v is not between 0 and 100", *g.Share)
	}
	if g.Share != nil && math.Abs(*g.Share*100-math.Round(*g.Share*100)) > 1e-6 {
		return fmt.Errorf("share: %v is more precise than a hundredth of a percent", *g.Share)
	}
	return CheckReason(g.Reason)
}

// GroupStates returns the states of the groups, by their keys. As long as nothing changes, it is
// the same pointer.
func (r *Roster) GroupStates() *GroupStates { return r.pool.groups.Load() }

// Of returns the state of a group. It works on nil.
func (s *GroupStates) Of(key string) GroupState {
	if s == nil {
		return GroupState{}
	}
	return (*s)[key]
}

// SetGroup makes the state of a group hold that decide makes of the one before, and has it stored.
// The history gets the entry, unless it has no event.
func (r *Roster) SetGroup(key string, entry HistoryEntry, decide func(before GroupState) (GroupState, error)) error {
	p := r.pool
	p.control.Lock()
	defer p.control.Unlock()
	before := r.GroupStates()
	after, err := decide(before.Of(key))
	if err != nil {
		return err
	}
	if err := p.storeGroup(key, after); err != nil {
		return err
	}
	p.controlChanged.Set()
	if entry.Event != "" {
		entry.Kind = KindControl
		r.record(entry)
	}
	return nil
}

// storeGroup replaces the states by some with another state of a group. One that is zero is left
// out.
func (p *Pool) storeGroup(key string, state GroupState) error {
	next := make(GroupStates)
	if before := p.groups.Load(); before != nil {
		maps.Copy(next, *before)
	}
	next[key] = state
	if state == (GroupState{}) {
		delete(next, key)
	}
	if len(next) > maxGroupStates {
		return ErrTooManyGroups
	}
	p.groups.Store(&next)
	return nil
}

// restoreGroups makes stored states hold, but for groups that have one already. The caller must
// hold the lock of what operators decide.
func (p *Pool) restoreGroups(stored GroupStates) {
	for key, state := range stored {
		if state.Check() == nil && p.groups.Load().Of(key) == (GroupState{}) {
			_ = p.storeGroup(key, state) // a record beyond the maximum is from another version
		}
	}
}
