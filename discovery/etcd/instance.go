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
	"github.com/caddy-balance/caddy-balance/internal/format"
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// folderPrefix adds a slash to a prefix that ends in a letter or a digit. Without it the prefix
// services/web would also match services/web-admin.
func folderPrefix(prefix string) string {
	if last, _ := utf8.DecodeLastRuneInString(prefix); unicode.IsLetter(last) || unicode.IsDigit(last) {
		return prefix + "/"
	}
	return prefix
}

// entries holds the endpoints by their keys. It decodes each value once, and does not keep it.
type entries struct {
	prefix string
	reader format.Reader
	byKey  map[string]entry
}

// entries returns no entries yet, for the keys of the source.
func (s *Source) entries() entries {
	return entries{prefix: s.prefix, reader: format.Reader{Format: s.Format, Scheme: s.Scheme}}
}

// entry is a decoded value. If err is not nil, the value has a mistake.
type entry struct {
	info listing.Info
	err  error
}

// put adds or replaces the entry of a key.
func (e *entries) put(kv *mvccpb.KeyValue) {
	info, err := e.reader.Decode(kv.Value)
	if info.ID == "" {
		info.ID = e.id(kv)
	}
	if e.byKey == nil {
		e.byKey = make(map[string]entry)
	}
	e.byKey[string(kv.Key)] = entry{info, err}
}

// delete removes the entry of a key.
func (e *entries) delete(kv *mvccpb.KeyValue) { delete(e.byKey, string(kv.Key)) }

// id returns the part of a key below the prefix. It is empty if the key ends in the number of its
// lease, because such a key changes each time that the service starts.
func (e *entries) id(kv *mvccpb.KeyValue) string {
	below := strings.TrimPrefix(string(kv.Key), e.prefix)
	switch path.Base(below) {
	case strconv.FormatInt(kv.Lease, 10), strconv.FormatInt(kv.Lease, 16):
		return ""
	}
	return below
}

// answer returns the list in the order of the keys, so that of two keys with the same address the
// same one always counts.
func (e *entries) answer() discovery.Answer {
	var builder discovery.AnswerBuilder
	for _, key := range slices.Sorted(maps.Keys(e.byKey)) {
		if entry := e.byKey[key]; entry.err != nil {
			builder.Drop(key, entry.err)
		} else {
			builder.Add(key, entry.info)
		}
	}
	return builder.Answer()
}
