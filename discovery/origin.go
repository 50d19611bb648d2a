package discovery

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"

	"github.com/caddyserver/certmagic"
)

// Origin says from where a record in Caddy's storage is. Storage may be shared, so each Caddy reads
// and writes records of its own, unless `persist <name>` shares them on purpose.
type Origin struct {
	// Instance is the ID of the Caddy instance. It is empty if the record is shared.
	Instance string `json:"instance,omitempty"`

	// Shared is the name under which several instances share the record.
	Shared string `json:"shared,omitempty"`

	// Pool is the name of the pool.
	Pool string `json:"pool"`

	// Source is the name of the source's module.
	Source string `json:"source"`
}

// Key returns the key of a record in Caddy's storage. identity tells the records of one origin
// apart. A hash alone makes the key unique; the names in it are for people.
func (o Origin) Key(identity string) string {
	const maxName = 64 // file systems allow 255 bytes
	sum := sha256.Sum256(fmt.Appendf(nil, "%q", []string{o.Instance, o.Shared, o.Pool, o.Source, identity}))
	folder := certmagic.StorageKeys.Safe(o.Pool)
	file := certmagic.StorageKeys.Safe(o.Source)
	return path.Join(RecordFolder, folder[:min(len(folder), maxName)],
		file[:min(len(file), maxName)]+"-"+hex.EncodeToString(sum[:16])+".json")
}

// RecordFolder is where all records are in Caddy's storage.
const RecordFolder = "balance/pools"

type originKey struct{}

// WithOrigin returns a context for Run in which OriginOf finds the origin of a source's records.
// The pool calls it; the tests of a source may.
func WithOrigin(ctx context.Context, origin func() (Origin, error)) context.Context {
	return context.WithValue(ctx, originKey{}, origin)
}

// OriginOf returns the origin for the records of a source that stores data of its own. ctx is the
// context of Run; OriginOf panics with any other context. It may wait for Caddy's storage folder.
// It fails if Caddy has no instance ID, which it needs a writable folder for.
func OriginOf(ctx context.Context) (Origin, error) {
	return ctx.Value(originKey{}).(func() (Origin, error))()
}
