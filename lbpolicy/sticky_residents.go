package lbpolicy

import (
	"net/http"
	"slices"
	"strings"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// residents finds the endpoint of a token in a list, at the same cost for any number of endpoints.
type residents struct {
	keys    keyring
	list    []resident
	byToken map[string]int    // of all keys
	tokens  map[string]string // by address, of the first key
	inText  bool              // whether a token may also come after a dot in a text
	longest int               // the length of the longest token
}

// resident is what the tokens of an endpoint depend on.
type resident struct{ address, id string }

// newResidents makes the tokens of a list.
func (p *Sticky) newResidents(keys keyring, list []resident) *residents {
	r := newResidents(keys, list)
	r.inText = p.carriesRoutes()
	return r
}

func newResidents(keys keyring, list []resident) *residents {
	r := &residents{
		keys: keys, list: list,
		byToken: make(map[string]int, len(keys)*len(list)), tokens: make(map[string]string, len(list)),
	}
	for i, e := range list {
		if len(keys) == 0 {
			r.add(e.id, i)
			r.tokens[e.address] = e.id
		}
		for n := len(keys) - 1; n >= 0; n-- {
			t := token(keys[n], e.id)
			r.add(t, i)
			r.tokens[e.address] = t // that of the first key in the end
		}
	}
	return r
}

// add makes a token that of an endpoint, unless it is that of an earlier one.
func (r *residents) add(token string, i int) {
	if _, duplicate := r.byToken[token]; !duplicate {
		r.byToken[token] = i
		r.longest = max(r.longest, len(token))
	}
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
	if r.inText {
		return r.findInText(token)
	}
	return -1
}

// findInText finds the token at the end of a text. It may have dots, and so may what comes before
// it. The longest one wins.
func (r *residents) findInText(text string) int {
	text = text[max(0, len(text)-r.longest-1):]
	for {
		_, after, found := strings.Cut(text, ".")
		if !found {
			return -1
		}
		if i, ok := r.byToken[after]; ok {
			return i
		}
		text = after
	}
}

// knows implements tokens.
func (r *residents) knows(_ *http.Request, of session) bool {
	return r.find(of.token) >= 0 || of.home != "" && r.find(of.home) >= 0
}

// pick implements bandPicker. Sticky looks for an endpoint itself, because only it knows what to do
// if that is not usable.
func (r *residents) pick(candidates) int { return -1 }

// keysFor returns the keys for a request. It waits for them a moment if they are not read yet, and
// returns nil if it cannot get them.
func (p *Sticky) keysFor(r *http.Request) keyring {
	if p.keys != nil {
		return p.keys
	}
	return p.stored.await(r.Context())
}

// prepare implements algorithm, for static upstreams. The keys are known by then, because only a
// request with a session needs the table.
func (p *Sticky) prepare(members []endpoint.Member) bandPicker {
	return p.newResidents(p.knownKeys(), residentsOf(members))
}

func (p *Sticky) knownKeys() keyring {
	if p.keys != nil {
		return p.keys
	}
	if ring := p.stored.ring.Load(); ring != nil {
		return *ring
	}
	return nil
}
