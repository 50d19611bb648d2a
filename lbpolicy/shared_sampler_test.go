package lbpolicy

import (
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// samplers returns the samplers that pickers share, by the number of their users.
func samplers() (users []int) {
	samplerTables.mu.Lock()
	defer samplerTables.mu.Unlock()
	for _, tables := range samplerTables.byNodes {
		for _, t := range tables {
			users = append(users, t.users)
		}
	}
	return users
}

func TestReverseProxiesShareASamplerUntilTheLastOneEnds(t *testing.T) {
	roster := staticRoster(t, cachesOfWeight1(t, compareAll+1))
	var pickers []endpoint.Picker
	for range 3 {
		for _, policy := range []string{"weighted_random", "weighted_least_conn"} {
			pickers = append(pickers, newHost(t, policy, "").policy.NewPicker(roster, nil))
		}
	}
	if got := samplers(); len(got) != 1 || got[0] != len(pickers) {
		t.Errorf("samplers have %v users, want one with %d", got, len(pickers))
	}
	roster.Replace(cachesOfWeight1(t, compareAll+2))
	if got := samplers(); len(got) != 1 || got[0] != len(pickers) {
		t.Errorf("after a change of the list samplers have %v users", got)
	}
	for _, p := range pickers {
		p.Stop()
		pickFor(t, p, "/") // a request of the old config
	}
	if got := samplers(); len(got) != 0 {
		t.Errorf("samplers have %v users after the last reverse proxy has ended", got)
	}
}
