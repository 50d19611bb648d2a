package lbpolicy

import (
	"sync/atomic"

	"go.uber.org/zap"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// watchSameIDs warns of endpoints that have one ID, until stop is called, because a session cannot
// tell them apart and is at the first of them. It warns once, also if the config is reloaded or
// several handlers use the pool, and again when there were none meanwhile.
func watchSameIDs(r *endpoint.Roster) (stop func()) {
	said, release := endpoint.Keep("ids of sticky in "+r.Name(), func() *atomic.Bool { return new(atomic.Bool) })
	unsubscribe := r.Subscribe(func(s *endpoint.Snapshot) {
		addresses, first := sameIDs(s.Members)
		if len(addresses) == 0 {
			said.Store(false)
		} else if !said.Swap(true) {
			r.Logger().Warn("endpoints have the same id, and the sessions of all of them go to the first",
				zap.String("pool", r.Name()), zap.String("id", first), zap.Strings("addresses", addresses[first]),
				zap.Int("ids", len(addresses)), zap.String("expected", "an id for each endpoint, or none"))
		}
	})
	return func() {
		unsubscribe()
		release()
	}
}

// sameIDs returns the addresses of the endpoints that have one ID, and the first such ID of the
// list. The two addresses of a server that has one of each family are left out.
func sameIDs(members []endpoint.Member) (addresses map[string][]string, first string) {
	firstOf := make(map[string]*endpoint.Member, len(members))
	for i := range members {
		m, id := &members[i], members[i].Info.Key()
		other, known := firstOf[id]
		switch {
		case !known:
			firstOf[id] = m
			continue
		case other.IsSibling(m):
			continue
		case addresses == nil:
			addresses, first = make(map[string][]string), id
		}
		if len(addresses[id]) == 0 {
			addresses[id] = []string{other.Address()}
		}
		addresses[id] = append(addresses[id], m.Address())
	}
	return addresses, first
}
