package discovery

import (
	"fmt"

	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// AnswerBuilder builds an Answer from the entries of a registry, one at a time. It normalizes each
// endpoint, and drops invalid and duplicate entries with the reason, because one bad entry must not
// cost the others. The zero value is ready to use.
type AnswerBuilder struct {
	endpoints []Endpoint
	dropped   []Dropped         // the first MaxDropped
	omitted   int               // how many more were dropped
	keys      map[string]string // by address: the key of the entry that it came from
}

// Add adds an endpoint, or drops the entry if the endpoint is invalid or its address was added
// before. key is the registry's name of the entry; the log line about a dropped entry shows it.
func (b *AnswerBuilder) Add(key string, e Endpoint) {
	if err := e.Normalize(); err != nil {
		b.Drop(key, err)
		return
	}
	if first, ok := b.keys[e.Address]; ok {
		b.Drop(key, fmt.Errorf("address: %s is already that of %s", e.Address, first))
		return
	}
	if b.keys == nil {
		b.keys = make(map[string]string)
	}
	b.keys[e.Address] = key
	b.endpoints = append(b.endpoints, e)
}

// Decode adds the endpoint that value describes: a bare address, or an object in JSON with the
// fields of an endpoint. Key-value registries, such as etcd, keep endpoints in this form.
func (b *AnswerBuilder) Decode(key string, value []byte) {
	e, err := listing.DecodeEntry(value)
	if err != nil {
		b.Drop(key, err)
		return
	}
	b.Add(key, e)
}

// Drop leaves an entry out. err says what is wrong with the entry and what was expected. Beyond
// MaxDropped it only counts the entry.
func (b *AnswerBuilder) Drop(key string, err error) {
	if len(b.dropped) == MaxDropped {
		b.omitted++
		return
	}
	b.dropped = append(b.dropped, Dropped{key, err})
}

// Answer returns the whole list. The list is empty, not nil, if nothing was added, because nil
// means that the source has no list.
func (b *AnswerBuilder) Answer() Answer {
	endpoints := b.endpoints
	if endpoints == nil {
		endpoints = []Endpoint{}
	}
	return Answer{Endpoints: endpoints, Dropped: b.dropped, Omitted: b.omitted}
}
