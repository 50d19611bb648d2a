package pool

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/definition"
)

// sourceRef is a source and its place in the definition of a pool.
type sourceRef struct {
	source   discovery.Source
	name     string // of the module
	position int    // from 1
	key      string // identifies the settings of the source in its pool
}

const sourceNamespace = "http.reverse_proxy.upstreams.pool.sources"

// sourceRefs describes the sources of a pool before they are loaded, because loading clears their
// settings.
func sourceRefs(sources []json.RawMessage) []sourceRef {
	refs, seen := make([]sourceRef, len(sources)), make(map[string]int)
	for i, raw := range sources {
		key := sourceKey(raw)
		if seen[key]++; seen[key] > 1 { // they differ in secrets at most
			key = fmt.Sprintf("%s-%d", key, seen[key])
		}
		refs[i] = sourceRef{name: sourceName(raw), position: i + 1, key: key}
	}
	return refs
}

// sourceName returns the name of a source's module; empty if there is none, which loading reports.
func sourceName(raw json.RawMessage) string {
	var module struct {
		Name string `json:"source"`
	}
	_ = json.Unmarshal(raw, &module)
	return module.Name
}

// newSource returns an empty source of the same kind; nil if there is no such module.
func newSource(raw json.RawMessage) caddy.Module {
	info, err := caddy.GetModule(sourceNamespace + "." + sourceName(raw))
	if err != nil {
		return nil
	}
	return info.New()
}

// sourceKey returns a hash of the settings of a source, with the values of their placeholders. A
// source with an equal key in the next config or after a restart is the same source. Secrets are
// left out: the list stays the same when a token is rotated, and keys of storage must not depend on
// one.
func sourceKey(raw json.RawMessage) string {
	sum := sha256.Sum256(definition.Expand(raw, secretsOf(newSource(raw))...))
	return hex.EncodeToString(sum[:16]) // collisions are out of the question
}

// secretsOf returns the JSON names of the fields of a module that have the tag `balance:"secret"`.
func secretsOf(module any) (names []string) {
	t := reflect.TypeOf(module)
	if t == nil || t.Kind() != reflect.Pointer || t.Elem().Kind() != reflect.Struct {
		return nil
	}
	for _, field := range reflect.VisibleFields(t.Elem()) {
		if field.Tag.Get("balance") == "secret" {
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			names = append(names, name)
		}
	}
	return names
}

func (r *sourceRef) isTrusted() bool {
	_, trusted := r.source.(discovery.Trusted)
	return trusted
}

func (r *sourceRef) isLocal() bool { return isLocal(r.source) }

func isLocal(source any) bool {
	_, local := source.(discovery.Local)
	return local
}

// limit returns the maximum number of endpoints of the source, by that of the pool.
func (r *sourceRef) limit(ofPool int) int {
	if _, selfLimiting := r.source.(discovery.SelfLimiting); selfLimiting {
		return math.MaxInt
	}
	return ofPool
}
