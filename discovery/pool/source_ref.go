package pool

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/caddy-balance/caddy-balance/discovery"
)

// sourceRef is a source and its place in the definition of a pool.
type sourceRef struct {
	source   discovery.Source
	name     string // of the module
	position int    // from 1
	key      string // identifies the pool's name and the settings of the source
}

// sourceRefs describes the sources of a pool before they are loaded, because loading clears their
// settings. Secrets are still placeholders at that time, so keys do not depend on them.
func sourceRefs(pool string, sources []json.RawMessage) []sourceRef {
	refs := make([]sourceRef, len(sources))
	for i, raw := range sources {
		var module struct {
			Name string `json:"source"`
		}
		_ = json.Unmarshal(raw, &module) // loading the module reports a mistake
		refs[i] = sourceRef{name: module.Name, position: i + 1, key: sourceKey(pool, raw)}
	}
	return refs
}

// sourceKey returns a hash of the pool's name and the settings of a source. White space does not
// matter. A source with an equal key in the next config or after a restart is the same source.
func sourceKey(pool string, raw json.RawMessage) string {
	var compact bytes.Buffer
	_ = json.Compact(&compact, raw)
	sum := sha256.Sum256([]byte(pool + "\n" + compact.String()))
	return hex.EncodeToString(sum[:16]) // collisions are out of the question, and the file name stays short
}

func (r *sourceRef) isTrusted() bool {
	_, trusted := r.source.(discovery.Trusted)
	return trusted
}

func (r *sourceRef) isLocal() bool {
	_, local := r.source.(discovery.Local)
	return local
}
