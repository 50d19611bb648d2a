package registry

import (
	"errors"

	"github.com/caddy-balance/caddy-balance/internal/listing"
)

const (
	// minSize and sizePerEndpoint limit the memory of all registrations in bytes. An endpoint with
	// ten labels takes half of it, and a few may have as much as a registration may.
	minSize         = 16 << 20
	sizePerEndpoint = 2 << 10

	// labelOverhead is the memory that a label takes besides its text.
	labelOverhead = 64

	// maxRecord is the maximum size of a stored record in bytes. A record that is within the other
	// limits has less, unless it has other spaces than this package writes.
	maxRecord = 64 << 20
)

// The errors of a registration for which the pool has no room.
var (
	ErrFull     = errors.New("the pool has its most endpoints")
	ErrTooLarge = errors.New("the endpoints of the pool have too much metadata together")
)

// hasRoomLocked returns an error if there is no room for an endpoint in place of those that it
// replaces.
func (l *Leases) hasRoomLocked(source *Source, fresh *listing.Info) error {
	count, size := len(l.byID)+1, l.size+sizeOf(fresh)
	replaced := l.byID[fresh.ID]
	if replaced != nil {
		count, size = count-1, size-sizeOf(&replaced.info)
	}
	if before := l.byID[l.idByAddress[fresh.Address]]; before != nil && before != replaced {
		count, size = count-1, size-sizeOf(&before.info)
	}
	switch {
	case count > source.MaxEndpoints && count > len(l.byID): // a reload may have lowered the limit
		return ErrFull
	case size > max(minSize, sizePerEndpoint*source.MaxEndpoints) && size > l.size:
		return ErrTooLarge
	}
	return nil
}

// sizeOf returns about how many bytes of memory the texts of an endpoint take.
func sizeOf(i *listing.Info) int {
	size := len(i.Address) + len(i.ID) + len(i.Zone)
	for name, value := range i.Metadata {
		size += len(name) + len(value) + labelOverhead
	}
	return size
}
