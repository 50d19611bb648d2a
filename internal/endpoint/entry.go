package endpoint

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf8"
)

// MaxEntrySize is the most bytes that one endpoint may have in a registry: a hundred times what it needs
// with every field set.
const MaxEntrySize = 64 << 10

// DecodeEntry reads one endpoint as registries keep it, its fields in JSON or a bare address,
// and normalizes it.
func DecodeEntry(data []byte) (Info, error) {
	switch data = bytes.TrimSpace(data); {
	case len(data) == 0:
		return Info{}, errors.New("is empty; expected an address or an object with an address")
	case len(data) > MaxEntrySize:
		return Info{}, fmt.Errorf("has %d bytes; an endpoint may have %d", len(data), MaxEntrySize)
	case !utf8.Valid(data):
		return Info{}, errors.New("is not UTF-8")
	}
	info := Info{Address: string(data), Weight: 1}
	if data[0] == '{' || data[0] == '"' { // a bracket begins an IPv6 address
		if err := info.UnmarshalJSON(data); err != nil {
			return Info{}, err
		}
	}
	return info, info.Normalize()
}
