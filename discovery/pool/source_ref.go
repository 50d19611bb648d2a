package pool

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/discovery"
)

// sourceRef is a source and its place in the definition of a pool.
type sourceRef struct {
	source   discovery.Source
	name     string // of the module
	position int    // from 1
	key      string // identifies the pool's name and the settings of the source
}

const sourceNamespace = "http.reverse_proxy.upstreams.pool.sources"

// sourceRefs describes the sources of a pool before they are loaded, because loading clears their
// settings. Secrets are still placeholders at that time, so keys do not depend on them.
func sourceRefs(pool string, sources []json.RawMessage) []sourceRef {
	refs := make([]sourceRef, len(sources))
	for i, raw := range sources {
		refs[i] = sourceRef{name: sourceName(raw), position: i + 1, key: sourceKey(pool, raw)}
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

// sourceKey returns a hash of the pool's name and the settings of a source. White space does not
// matter. A source with an equal key in the next config or after a restart is the same source.
func sourceKey(pool string, raw json.RawMessage) string {
	var compact bytes.Buffer
	_ = json.Compact(&compact, raw)
	sum := sha256.Sum256([]byte(pool + "\n" + compact.String()))
	return hex.EncodeToString(sum[:16]) // collisions are out of the question, and the file name stays short
}

func (r *sourceRef) isLocal() bool { return isLocal(r.source) }

func isLocal(source any) bool {
	_, local := source.(discovery.Local)
	return local
}
