package lbpolicy

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/options"
)

// SplitStep is a share that a group has for a time.
type SplitStep struct {
	// The share of the requests, from 0 to 100 percent, in hundredths of a percent. Default: 0.
	Share float64 `json:"share"`

	// How long the group has this share at least, from 1s. The last step has no time. Default: 0,
	// which is an error for the others.
	For caddy.Duration `json:"for,omitempty"`
}

// maxSteps is the maximum number of steps of a group.
const maxSteps = 100

const stepsFormat = "a share, or the time that a share holds, such as 5% 10m, 25% 30m, 100%"

// stepsOption reads `steps 5% 10m, 25% 30m, 100%`.
func stepsOption(into *[]SplitStep) caddyfile.Param {
	ended := true // whether the step before is complete
	return caddyfile.Rest(caddyfile.Checked("steps", stepsFormat, func(text string) error {
		value, ends := strings.CutSuffix(text, ",")
		share, isShare := parsePercent(value)
		lasts, err := caddy.ParseDuration(value)
		switch n := len(*into); {
		case isShare && ended:
			*into = append(*into, SplitStep{Share: share})
		case !isShare && err == nil && !ended:
			(*into)[n-1].For = caddy.Duration(lasts)
			ends = true
		default:
			return fmt.Errorf("'%s' is not %s", text, stepsFormat)
		}
		ended = ends
		return nil
	}))
}

// checkSteps checks the steps of a group.
func (g *SplitGroup) checkSteps() error {
	if len(g.Steps) == 0 {
		return nil
	}
	if g.Share != nil {
		return errors.New("steps: there is a share too; expected one of them")
	}
	if len(g.Steps) > maxSteps {
		return fmt.Errorf("steps: there are %d; expected at most %d", len(g.Steps), maxSteps)
	}
	for i, s := range g.Steps {
		if err := endpoint.CheckShare(s.Share); err != nil {
			return fmt.Errorf("steps: share %d: %w", i+1, err)
		}
		last := i == len(g.Steps)-1
		if !last {
			if s.For == 0 {
				return fmt.Errorf("steps: step %d has no time; expected one, as in 5%% 10m", i+1)
			}
			if err := options.AtLeast("for", s.For, time.Second); err != nil {
				return fmt.Errorf("steps: step %d: %w", i+1, err)
			}
		}
		if last && s.For != 0 {
			return fmt.Errorf("steps: step %d is the last one and has a time; "+
				"expected a share that holds from then on", i+1)
		}
	}
	return nil
}

// hasShare reports whether the group has a share of its own, and does not get what others leave.
func (g *SplitGroup) hasShare() bool { return g.Share != nil || len(g.Steps) > 0 }

// configured returns the group's share in percent by the config, given its state.
func (g *SplitGroup) configured(state endpoint.GroupState) float64 {
	if len(g.Steps) > 0 {
		return g.Steps[g.stepOf(state)].Share
	}
	return *g.Share
}

// stepOf returns the index of the step that a group is at. If the config has other steps by now, it
// is one with the share that the group has reached, or else the largest share below that: a reload
// must not give a canary more than it has proved itself with. If all shares are larger, the group
// begins with its first step.
func (g *SplitGroup) stepOf(state endpoint.GroupState) int {
	if state.StepSince.IsZero() {
		return 0
	}
	if i := state.Step; 0 <= i && i < len(g.Steps) && g.Steps[i].Share == state.StepShare {
		return i
	}
	at := -1
	for i, s := range g.Steps {
		if s.Share <= state.StepShare && (at < 0 || s.Share > g.Steps[at].Share) {
			at = i
		}
	}
	return max(at, 0)
}

// advanceGroups lets groups go on to their next steps when it is time, the guard is content, and
// the group has a usable endpoint. What was set for a group comes before its steps.
func (ro *rollout) advanceGroups(now time.Time) {
	roster := ro.roster.Load()
	if roster.NeedsControl() {
		return // the steps that were reached before a restart are not known yet
	}
	states := roster.GroupStates()
	var groups []endpoint.Group
	for i := range ro.groups {
		g, state := &ro.groups[i], states.Of(ro.keys[i])
		if len(g.Steps) == 0 || state.Share != nil {
			continue
		}
		if groups == nil {
			groups = ro.Groups(roster)
		}
		if groups[i].Usable > 0 {
			ro.advance(i, state, now)
		}
	}
}

func (ro *rollout) advance(i int, state endpoint.GroupState, now time.Time) {
	g := &ro.groups[i]
	step := g.stepOf(state)
	holds := now.Sub(state.StepSince)
	next := endpoint.GroupState{Step: step, StepShare: g.Steps[step].Share, StepSince: now}
	switch {
	case state.StepSince.IsZero() || next.StepShare != state.StepShare:
		// The step begins now, as the first one or because a reload brought other steps.
	case step == len(g.Steps)-1, holds < time.Duration(g.Steps[step].For):
		return
	case ro.guard != nil && g.Steps[step].Share > 0 && !ro.guard.enough[i].Load():
		return
	default:
		next.Step, next.StepShare = step+1, g.Steps[step+1].Share
	}
	roster := ro.roster.Load()
	decide := func(now endpoint.GroupState) (endpoint.GroupState, error) {
		if now != state {
			return now, errMeanwhile
		}
		return next, nil
	}
	err := roster.SetGroup(ro.keys[i], endpoint.HistoryEntry{}, decide)
	if err == nil && ro.guard != nil {
		ro.guard.beginStep(i)
	}
	if err == nil && next.Step > step {
		reason := fmt.Sprintf("it has %v %% now, after %v with %v %%",
			next.StepShare, holds.Round(time.Second), g.Steps[step].Share)
		roster.Emit(endpoint.Event{Name: endpoint.GroupAdvanced, Group: g.Name, Reason: reason})
	}
}

// errMeanwhile says that something was set for a group meanwhile.
var errMeanwhile = errors.New("the state of the group has changed")
