package listing

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

// TextField is a field that stands among those of an endpoint and is none of them.
type TextField struct {
	Name  string
	Value *string
}

// DecodeFields is DecodeEntry where only an object will do, which may have more fields.
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
	if err := n.fields(&info, more...); err != nil {
		return Info{}, err
	}
	return info, info.Normalize()
}

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
