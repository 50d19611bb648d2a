package discovery

import (
	"fmt"

	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// Gathering makes a list of the entries of a registry. What cannot be taken is dropped, and
// what is wrong with it is kept for the answer: one bad entry must not cost the others.
type AnswerBuilder struct {
	infos   []listing.Info
	dropped []Dropped
	seen    map[string]string // the key that an address came from
}

// Add takes an endpoint, unless something is wrong with it. key is what the registry calls it.
func (g *AnswerBuilder) Add(key string, info listing.Info) {
	if err := info.Normalize(); err != nil {
		g.Drop(key, err)
		return
	}
	if first, ok := g.seen[info.Address]; ok {
		g.Drop(key, fmt.Errorf("address: %s is already that of %s", info.Address, first))
		return
	}
	if g.seen == nil {
		g.seen = make(map[string]string)
	}
	g.seen[info.Address] = key
	g.infos = append(g.infos, info)
}

// Decode takes an endpoint in the form that registries keep it in, see endpoint.DecodeEntry.
func (g *AnswerBuilder) Decode(key string, value []byte) {
	info, err := listing.DecodeEntry(value)
	if err != nil {
		g.Drop(key, err)
		return
	}
	g.Add(key, info)
}

// Drop leaves an entry out.
func (g *AnswerBuilder) Drop(key string, err error) {
	g.dropped = append(g.dropped, Dropped{key, err})
}

// Answer is the whole list. It is empty, not nil, if nothing was added.
func (g *AnswerBuilder) Answer() Answer {
	infos := g.infos
	if infos == nil {
		infos = []listing.Info{}
	}
	return Answer{Endpoints: infos, Dropped: g.dropped}
}
