package status

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// getGroups answers with the groups of a pool, by name.
func getGroups(w http.ResponseWriter, r *http.Request) error {
	roster, err := rosterOf(r)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, append([]endpoint.Group{}, roster.Groups()...))
}

// getGroup answers with a group. If several policies of the pool have one of the name, it is the
// first, as in the answer to patchGroup.
func getGroup(w http.ResponseWriter, r *http.Request) error {
	_, named, err := groupsNamed(r)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, named[0])
}

// groupBody is the share that is set for a group.
type groupBody struct {
	Share  *float64 `json:"share"`
	Reason string   `json:"reason"`
}

const groupFields = "share and reason"

// patchGroup sets the share of a group.
func patchGroup(w http.ResponseWriter, r *http.Request) error {
	var body groupBody
	if err := readBody(w, r, &body, groupFields); err != nil {
		return err
	}
	roster, named, err := groupsNamed(r)
	if err != nil {
		return err
	}
	state := endpoint.GroupState{Share: body.Share, By: identityOf(r), Reason: body.Reason, Since: time.Now()}
	if body.Share == nil {
		err = errors.New("share: is missing; expected a number from 0 to 100, in percent")
	} else if err = state.Check(); err == nil {
		err = checkRoom(roster.Groups(), named, *body.Share)
	}
	if err != nil {
		return refuse(http.StatusBadRequest, fmt.Errorf("body: %w", err))
	}
	if err := setShares(roster, named, state); err != nil {
		return err
	}
	_, named, err = groupsNamed(r)
	if err != nil {
		return err // a reload has removed it a moment ago
	}
	return answer(w, http.StatusOK, named[0])
}

// deleteGroupShare leaves the share of a group to the config again.
func deleteGroupShare(w http.ResponseWriter, r *http.Request) error {
	roster, named, err := groupsNamed(r)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(named, func(g endpoint.Group) bool { return g.Set != nil }) {
		return refuse(http.StatusNotFound, fmt.Errorf("group %q: no share is set", named[0].Name))
	}
	if err := setShares(roster, named, endpoint.GroupState{By: identityOf(r)}); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// groupsNamed returns the groups that the path names. Several policies of a pool may have a group
// with the same name.
func groupsNamed(r *http.Request) (*endpoint.Roster, []endpoint.Group, error) {
	roster, err := rosterOf(r)
	if err != nil {
		return nil, nil, err
	}
	name := r.PathValue("group")
	named := slices.DeleteFunc(roster.Groups(), func(g endpoint.Group) bool { return g.Name != name })
	if len(named) == 0 {
		return nil, nil, refuse(http.StatusNotFound,
			fmt.Errorf("the pool has no group %q; %s", name, namesOf(roster.Groups())))
	}
	return roster, named, nil
}

// namesOf says which groups there are, for an error.
func namesOf(groups []endpoint.Group) string {
	if len(groups) == 0 {
		return "it has none, because no `lb_policy split` picks from it; " +
			"below `dynamic multi`, the shares are those of the config"
	}
	var names []string
	for i := range groups {
		names = append(names, groups[i].Name)
	}
	return "it has " + strings.Join(names, ", ")
}

// checkRoom returns an error if the other groups leave too little for a share, or if the group is
// the default one.
func checkRoom(all, named []endpoint.Group, share float64) error {
	for i := range named {
		if named[i].Default {
			return fmt.Errorf("share: group %q gets what the others leave; set their shares", named[i].Name)
		}
		others := 0.
		for j := range all {
			if all[j].Policy == named[i].Policy && all[j].Key != named[i].Key && !all[j].Default {
				others += all[j].Share
			}
		}
		if others+share > 100+1e-6 {
			return fmt.Errorf("share: %v is more than the other groups leave, which is %v", share, 100-others)
		}
	}
	return nil
}

// setShares makes a state hold for groups. One without a share ends what was set.
func setShares(roster *endpoint.Roster, named []endpoint.Group, state endpoint.GroupState) error {
	for i := range named {
		entry := endpoint.HistoryEntry{By: state.By, Reason: state.Reason}
		entry.Event = fmt.Sprintf("share of group %s left to the config", named[i].Name)
		set := state
		if state.Share != nil {
			entry.Event = fmt.Sprintf("share of group %s: %v %%", named[i].Name, *state.Share)
		} else {
			set = endpoint.GroupState{}
		}
		err := roster.SetGroup(named[i].Key, entry, func(endpoint.GroupState) (endpoint.GroupState, error) {
			return set, nil
		})
		if errors.Is(err, endpoint.ErrTooManyGroups) {
			return refuse(http.StatusInsufficientStorage, err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
