package listing

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf8"
)

// MaxEntrySize is the maximum size of one endpoint in a registry, in bytes: a hundred times what it
// needs with every field set.
const MaxEntrySize = 64 << 10

// DecodeEntry reads one endpoint as registries store it, which is a JSON object or a bare address,
// and normalizes it.
func DecodeEntry(data []byte) (Info, error) {
	data = bytes.TrimSpace(data)
	if err := checkEntry(data); err != nil {
		return Info{}, err
	}
	info := Info{Address: string(data), Weight: 1}
	if data[0] == '{' || data[0] == '"' { // a bracket begins an IPv6 address
		if err := info.UnmarshalJSON(data); err != nil {
			return Info{}, err
		}
	}
	return info, info.Normalize()
}

// TextField is an additional text field beside those of an endpoint.
type TextField struct {
	// Name is the name of the field.
	Name string

	// Value receives what the entry says.
	Value *string
}

// DecodeFields reads an endpoint like DecodeEntry, but accepts only an object. It may have the
// additional fields.
func DecodeFields(data []byte, more ...TextField) (Info, error) {
	if err := checkEntry(data); err != nil {
		return Info{}, err
	}
	n, err := parseJSON(data)
	switch {
	case err != nil:
		return Info{}, err
	case n.kind != kindObject:
		return Info{}, fmt.Errorf("is %s; expected an object with an address", n.kind)
	}
	info := Info{Weight: 1}
	if err := n.decodeFields(&info, more...); err != nil {
		return Info{}, err
	}
	return info, info.Normalize()
}

// checkEntry refuses entries that are not worth parsing.
func checkEntry(data []byte) error {
	switch {
	case len(data) == 0:
		return errors.New("is empty; expected an address or an object with an address")
	case len(data) > MaxEntrySize:
		return fmt.Errorf("has %d bytes; an endpoint may have %d", len(data), MaxEntrySize)
	case !utf8.Valid(data):
		return errors.New("is not UTF-8")
	}
	return nil
}
