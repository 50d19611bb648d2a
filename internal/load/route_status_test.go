package load

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestStatusListsTheRoutesWithResults(t *testing.T) {
	var table Routes
	users, polls := find(&table, "/users/17", 0), find(&table, "/polls", 0)
	find(&table, "/without_a_result", 0)
	for i := range Instant(4) {
		table.observe(users, second+i*1e6, .02, i == 3, decay)
	}
	table.observe(polls, second, 25, false, decay)
	for range 100 {
		table.finish(users, .02)
	}
	table.finish(polls, 25)

	all := table.Status()
	slices.SortFunc(all, func(a, b RouteStatus) int { return strings.Compare(a.Name, b.Name) })
	for i := range all {
		all[i].Mean = all[i].Mean.Round(time.Millisecond)
	}
	want := []RouteStatus{
		{Name: "GET /polls", Requests: 1, Mean: 25 * time.Second, Parked: true},
		{Name: "GET /users/*", Requests: 4, Mean: 20 * time.Millisecond, Failures: .25},
	}
	if !slices.Equal(all, want) {
		t.Errorf("got %+v, want %+v", all, want)
	}
}

func TestStatusOfAnEmptyTableIsEmpty(t *testing.T) {
	var table Routes
	if all := table.Status(); len(all) > 0 {
		t.Errorf("got %+v", all)
	}
}

func TestStatusListsWhatCoarseRoutesShare(t *testing.T) {
	var table Routes
	k := get("/users")
	coarse := &Route{name: k.methodName()}
	table.methods[3].Store(coarse)
	table.observe(coarse, second, .02, false, decay)
	if all := table.Status(); len(all) != 1 || all[0].Name != "GET ..." {
		t.Errorf("got %+v", all)
	}
}
