package lbpolicy

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/cespare/xxhash/v2"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// rollout is the state of a split that reloads keep, and that all reverse proxies with the same
// split of a pool share.
type rollout struct {
	groups   []SplitGroup // without their policies
	keys     []string     // of their states
	standard int
	turn     *splitTurn
	picks    [maxGroups]groupPicks

	base    *splitTable // by the config
	current atomic.Pointer[tableFor]
	roster  atomic.Pointer[endpoint.Roster] // the latest one; nil without a pool

	guard     *groupGuard // nil if there is none
	ungrouped atomic.Bool // whether a warning has said that endpoints are in no group

	mu       sync.Mutex
	stop     func() // ends the watch; nil if none runs
	attached map[*endpoint.Roster]*attachment
}

// groupPicks are counted apart in memory, because every pick counts.
type groupPicks struct {
	all, spilled atomic.Uint64
	_            [48]byte
}

// attachment is the use of a rollout by the pickers of a roster.
type attachment struct {
	pickers int
	remove  func()
}

// tableFor is a table with the states that it was made for.
type tableFor struct {
	states *endpoint.GroupStates
	*splitTable
}

func newRollout(groups []SplitGroup, standard int, guard *SplitGuard) *rollout {
	ro := &rollout{
		groups: slices.Clone(groups), standard: standard, attached: make(map[*endpoint.Roster]*attachment),
		turn: newSplitTurn(rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))),
	}
	for i := range groups {
		ro.groups[i].guest = nil
		ro.keys = append(ro.keys, groups[i].stateKey())
	}
	if guard != nil {
		ro.guard = newGroupGuard(*guard)
	}
	ro.base = newSplitTable(ro.shares(nil), standard)
	return ro
}

// stateKey returns the key of the group's state. What was set for a canary does not hold for the
// next one, which has other conditions.
func (g *SplitGroup) stateKey() string {
	definition, _ := json.Marshal(g.Match) // it has no type that fails
	return fmt.Sprintf("%s %016x", g.Name, xxhash.Sum64(definition))
}

// shares returns the shares in slots. If they are more than the whole together, the last groups get
// less than what was set.
func (ro *rollout) shares(states *endpoint.GroupStates) []int {
	shares, left := make([]int, len(ro.groups)), wholeShare
	for i := range ro.groups {
		if i == ro.standard {
			continue
		}
		set := states.Of(ro.keys[i])
		percent := ro.groups[i].configured(set)
		if set.Share != nil {
			percent = *set.Share
		}
		shares[i] = min(shareSlots(percent), left)
		left -= shares[i]
	}
	return shares
}

// table returns the table that holds now.
func (ro *rollout) table() *splitTable {
	roster := ro.roster.Load()
	if roster == nil {
		return ro.base
	}
	states := roster.GroupStates()
	if t := ro.current.Load(); t != nil && t.states == states {
		return t.splitTable
	}
	t := &tableFor{states, newSplitTable(ro.shares(states), ro.standard)}
	ro.current.Store(t)
	return t.splitTable
}

// attach makes the rollout follow what is set for the groups of a roster's pool, until detach is
// called.
func (ro *rollout) attach(r *endpoint.Roster) (detach func()) {
	ro.mu.Lock()
	defer ro.mu.Unlock()
	ro.roster.Store(r)
	a := ro.attached[r]
	if a == nil {
		remove, stop := r.AddSplitter(ro), ro.watchUngrouped(r)
		a = &attachment{remove: func() { remove(); stop() }}
		ro.attached[r] = a
	}
	if a.pickers++; ro.stop == nil && ro.isWatched() {
		ro.stop = ro.watch(r)
	}
	return func() { ro.detach(r) }
}

func (ro *rollout) detach(r *endpoint.Roster) {
	ro.mu.Lock()
	defer ro.mu.Unlock()
	a := ro.attached[r]
	if a.pickers--; a.pickers == 0 {
		a.remove()
		delete(ro.attached, r)
	}
	if len(ro.attached) == 0 && ro.stop != nil {
		ro.stop()
		ro.stop = nil
	}
}

// GroupOf implements endpoint.Splitter.
func (ro *rollout) GroupOf(info *listing.Info) string {
	if g := groupOf(ro.groups, info); g >= 0 {
		return ro.groups[g].Name
	}
	return ""
}

// Groups implements endpoint.Splitter.
func (ro *rollout) Groups(r *endpoint.Roster) []endpoint.Group {
	table, states, snapshot := ro.table(), r.GroupStates(), r.Snapshot()
	all := make([]endpoint.Group, len(ro.groups))
	for i := range all {
		all[i] = endpoint.Group{
			Name: ro.groups[i].Name, Key: ro.keys[i], Policy: ro,
			Default: i == ro.standard, Share: percentOf(table.shares[i]),
			Picks: ro.picks[i].all.Load(), Spilled: ro.picks[i].spilled.Load(),
		}
		set := states.Of(ro.keys[i])
		if i != ro.standard {
			configured := ro.groups[i].configured(set)
			all[i].Configured = &configured
		}
		if set.Share != nil {
			all[i].Set = &set
		} else if steps := ro.groups[i].Steps; len(steps) > 0 {
			all[i].Step = &endpoint.GroupStep{
				Number: ro.groups[i].stepOf(set) + 1, Of: len(steps), Since: set.StepSince,
			}
		}
		if ro.guard != nil && i != ro.standard {
			all[i].Guard = ro.guard.statusOf(i, all[i].Set)
		}
	}
	for i := range snapshot.Members {
		m := &snapshot.Members[i]
		if g := groupOf(ro.groups, m.Info); g >= 0 {
			all[g].Endpoints++
			if ok, _ := snapshot.Usable(m, nil); ok {
				all[g].Usable++
			}
		}
	}
	return all
}
