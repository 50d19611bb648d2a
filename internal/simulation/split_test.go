package simulation

import (
	"testing"
	"time"
)

// splitHalves is a fleet of equal machines, half of which run another version that gets half of the
// requests. Each half is balanced by itself, which must cost little, and the halves must be exact:
// by chance, their shares would differ by one per cent.
var splitHalves = scenario{
	name:     "split in halves",
	seeds:    3,
	rate:     .7 * 12 * 4 / .030,
	duration: 10 * time.Second,
	deadline: 5 * time.Second,
	backends: 12,
	members:  12,
	server:   func(int) server { return newSharing(4, 1) },
	draw:     exponential(30 * time.Millisecond),
	watched:  []int{1, 3, 5, 7, 9, 11},
	fair:     .5,
	phases:   []window{{2 * time.Second, 10 * time.Second}},
	policies: []policy{
		{name: "least_conn", config: `{"policy":"least_conn"}`},
		{name: "split", config: halves(""), ours: true},
		{name: "split, weighted_least_conn", config: halves(`,"guest":{"policy":"weighted_least_conn"}`), ours: true},
	},
	baseline: "least_conn",
	check: func(t *testing.T, m measured) {
		for _, split := range []string{"split", "split, weighted_least_conn"} {
			m.between(t, split, share(0), .998, 1.002)
			m.atMostTimes(t, split, p99, 1.1, "least_conn")
			m.never(t, split, failures)
		}
	},
}

// halves is the config of a split with another policy within its groups, "" for the default.
func halves(guest string) string {
	return `{"policy":"split","groups":[{"name":"stable"` + guest + `},` +
		`{"name":"canary","match":{"place":"odd"},"share":50` + guest + `}]}`
}
