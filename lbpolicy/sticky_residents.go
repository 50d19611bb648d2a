package lbpolicy

import (
	"slices"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// residents finds the endpoint of a token in a list, at the same cost for any number of endpoints.
type residents struct {
	keys    keyring
	list    []resident
	byToken map[string]int    // of all keys
	tokens  map[string]string // by address, of the first key
}

// resident is what the tokens of an endpoint depend on.
type resident struct{ address, id string }

func newResidents(keys keyring, list []resident) *residents {
	r := &residents{
		keys: keys, list: list,
		byToken: make(map[string]int, len(keys)*len(list)), tokens: make(map[string]string, len(list)),
	}
	for n, key := range keys {
		for i, e := range list {
			t := token(key, e.id)
			if _, duplicate := r.byToken[t]; !duplicate {
				r.byToken[t] = i
			}
			if n == 0 {
				r.tokens[e.address] = t
			}
		}
	}
	return r
}

func residentsOf(members []endpoint.Member) []resident {
	list := make([]resident, len(members))
	for i := range members {
		list[i] = resident{members[i].Address(), members[i].Info.Key()}
	}
	return list
}

// isOf reports whether the table is that of a list.
func (r *residents) isOf(members []endpoint.Member) bool {
	return slices.EqualFunc(r.list, members, func(e resident, m endpoint.Member) bool {
		return e.address == m.Address() && e.id == m.Info.Key()
	})
}

// find returns the place of a token's endpoint in the list, or -1.
func (r *residents) find(token string) int {
	if i, ok := r.byToken[token]; ok {
		return i
	}
	return -1
}

// pick implements bandPicker. Sticky looks for an endpoint itself, because only it knows what to do
// if that is not usable.
func (r *residents) pick(candidates) int { return -1 }
