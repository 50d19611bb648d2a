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

	// Step is the index of the step that the group has reached by itself, StepShare is its share,
	// and StepSince is when; zero before the first one has begun. The config may have other steps
	// by now.
	Step      int       `json:"step,omitempty"`
	StepShare float64   `json:"step_share,omitempty"`
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
	if g.Share != nil {
		if err := CheckShare(*g.Share); err != nil {
			return fmt.Errorf("share: %w", err)
		}
	}
	return CheckReason(g.Reason)
}

// CheckShare returns an error if a share in percent is out of range, or more precise than requests
// are shared. The tolerance is for what binary fractions lose of decimal ones.
func CheckShare(percent float64) error {
	if !(percent >= 0 && percent <= 100) {
		return fmt.Errorf("%v is not between 0 and 100 percent", percent)
	}
	hundredths := math.Round(percent * 100)
	lost := percent > 0 && hundredths == 0 || percent < 100 && hundredths == 100*100
	if lost || math.Abs(percent*100-hundredths) > 1e-9 {
		return fmt.Errorf("%v is more precise than a hundredth of a percent; expected a share such as 0.01", percent)
	}
	return nil
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
