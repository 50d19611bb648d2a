package pool

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/caddy-balance/caddy-balance/discovery"
)

// part is a source in its place in a pool.
type sourceRef struct {
	source   discovery.Source
	name     string // of the module
	position int    // from 1
	key      string // stands for the pool's name and all that defines the source
}

// parts describes the sources of a pool before they are loaded, which clears what defines them. Secrets are still
// placeholders then.
func sourceRefs(pool string, sources []json.RawMessage) []sourceRef {
	list := make([]sourceRef, len(sources))
	for i, raw := range sources {
		var module struct {
			Name string `json:"source"`
		}
		_ = json.Unmarshal(raw, &module) // loading it says what is wrong
		list[i] = sourceRef{name: module.Name, position: i + 1, key: keyOf(pool, raw)}
	}
	return list
}

func keyOf(pool string, raw json.RawMessage) string {
	var compact bytes.Buffer
	_ = json.Compact(&compact, raw)
	sum := sha256.Sum256([]byte(pool + "\n" + compact.String()))
	return hex.EncodeToString(sum[:16]) // far beyond chance, and short enough for a file name
}

func (p *sourceRef) local() bool {
	_, local := p.source.(discovery.Local)
	return local
}
