package etcd

import (
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// folder is the prefix that is meant. A prefix that ends in a word would otherwise be that of all
// longer words too.
func folder(prefix string) string {
	if last, _ := utf8.DecodeLastRuneInString(prefix); unicode.IsLetter(last) || unicode.IsDigit(last) {
		return prefix + "/"
	}
	return prefix
}

// entries are the keys below the prefix. Values are decoded when they come, and not kept.
type entries struct {
	prefix string
	byKey  map[string]entry
}

type entry struct {
	info listing.Info
	err  error
}

func (e *entries) put(kv *mvccpb.KeyValue) {
	info, err := decode(kv.Value)
	if info.ID == "" {
		info.ID = e.id(kv)
	}
	if e.byKey == nil {
		e.byKey = make(map[string]entry)
	}
	e.byKey[string(kv.Key)] = entry{info, err}
}

func (e *entries) delete(kv *mvccpb.KeyValue) { delete(e.byKey, string(kv.Key)) }

// id is what lies below the prefix, unless it changes each time that the service starts.
func (e *entries) id(kv *mvccpb.KeyValue) string {
	below := strings.TrimPrefix(string(kv.Key), e.prefix)
	switch path.Base(below) {
	case strconv.FormatInt(kv.Lease, 10), strconv.FormatInt(kv.Lease, 16):
		return ""
	}
	return below
}

// answer is the list in the order of the keys, so that the same one of two keys with one address wins every time.
func (e *entries) answer() discovery.Answer {
	var g discovery.AnswerBuilder
	for _, key := range slices.Sorted(maps.Keys(e.byKey)) {
		if entry := e.byKey[key]; entry.err != nil {
			g.Drop(key, entry.err)
		} else {
			g.Add(key, entry.info)
		}
	}
	return g.Answer()
}

// decode reads a value in either layout.
func decode(value []byte) (listing.Info, error) {
	if len(value) <= listing.MaxEntrySize {
		if info, ours, err := decodeNaming(value); ours {
			return info, err
		}
	}
	return listing.DecodeEntry(value)
}
