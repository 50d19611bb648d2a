package endpoint

import (
	"slices"
	"strings"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// Splitter is a policy that shares requests among groups of a pool's endpoints.
type Splitter interface {
	// Groups returns the groups as they are now.
	Groups(r *Roster) []Group

	// GroupOf returns the name of an endpoint's group, "" if it is in none and gets no requests.
	GroupOf(info *listing.Info) string
}

// Group is a group of endpoints, for people.
type Group struct {
	// Name is the name of the group.
	Name string `json:"name"`

	// Key is that of its state. Policy is the same for all groups of one policy.
	Key    string `json:"-"`
	Policy any    `json:"-"`

	// Default says that the group gets what the others leave.
	Default bool `json:"default,omitempty"`

	// Share is its share of the requests now, in percent.
	Share float64 `json:"share"`

	// Configured is the share by the config; nil of the default group.
	Configured *float64 `json:"configured,omitempty"`

	// Set is the share that was set, and by whom; nil if the config decides.
	Set *GroupState `json:"set,omitempty"`

	// Step is the step that the group has reached; nil if it has no steps, or a share was set.
	Step *GroupStep `json:"step,omitempty"`

	// Guard says what the guard makes of the group; empty if there is none.
	Guard string `json:"guard,omitempty"`

	// Endpoints is the number of its endpoints, and Usable that of those which may get a request.
	Endpoints int `json:"endpoints"`
	Usable    int `json:"usable"`

	// Picks is the number of picks in the group since the start, and Spilled that of those for
	// requests of other groups.
	Picks   uint64 `json:"picks"`
	Spilled uint64 `json:"spilled"`
}

// GroupStep is a step of a group.
type GroupStep struct {
	// Number is that of the step, from 1, and Of is how many there are.
	Number int `json:"number"`
	Of     int `json:"of"`

	// Since is when the step began; zero if the group has had no usable endpoint yet.
	Since time.Time `json:"since,omitzero"`
}

// What a guard makes of a group.
const (
	GuardWaits   = "too few answers" // to compare
	GuardContent = "content"         // the group is not worse than the default one
	GuardStopped = "stopped"         // the group was worse, and has no share
)

// AddSplitter makes Groups return those of s until remove is called.
func (r *Roster) AddSplitter(s Splitter) (remove func()) {
	r.splitters.Store(s, true)
	return func() { r.splitters.Delete(s) }
}

// Groups returns the groups of all policies that pick from the roster, by name.
func (r *Roster) Groups() (all []Group) {
	r.splitters.Range(func(key, _ any) bool {
		all = append(all, key.(Splitter).Groups(r)...)
		return true
	})
	slices.SortFunc(all, func(a, b Group) int { return strings.Compare(a.Key, b.Key) })
	return all
}

// GroupsOf returns the names of the groups that an endpoint is in, of all policies that pick from
// the roster. ungrouped says that one of these policies has no group for it.
func (r *Roster) GroupsOf(info *listing.Info) (names []string, ungrouped bool) {
	r.splitters.Range(func(key, _ any) bool {
		switch name := key.(Splitter).GroupOf(info); {
		case name == "":
			ungrouped = true
		case !slices.Contains(names, name):
			names = append(names, name)
		}
		return true
	})
	slices.Sort(names)
	return names, ungrouped
}

// Ungrouped returns the number of endpoints for which a policy with groups has none.
func (r *Roster) Ungrouped() (n int) {
	hasGroups := false
	r.splitters.Range(func(any, any) bool { hasGroups = true; return false })
	if !hasGroups {
		return 0
	}
	s := r.Snapshot()
	for i := range s.Members {
		if _, ungrouped := r.GroupsOf(s.Members[i].Info); ungrouped {
			n++
		}
	}
	return n
}
