// Package format reads endpoints as service frameworks register them in etcd and Consul: in this
// project's own layout, that of etcd's Go package naming/endpoints, that of Kitex and Hertz, and
// that of Kratos.
package format

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// The formats that a source may name. Auto recognizes each value by its fields.
const (
	Auto   = "auto"
	Kitex  = "kitex"
	Kratos = "kratos"
)

// Known reports whether a format may be named.
func Known(name string) bool { return name == Auto || name == Kitex || name == Kratos }

// Check reports an unknown format. An empty one stands for Auto.
func Check(name string) error {
	if name != "" && !Known(name) {
		return fmt.Errorf("format: %.100q is not known; expected %s, %s or %s", name, Auto, Kitex, Kratos)
	}
	return nil
}

// Reader reads the values of a registry.
type Reader struct {
	// Format is one of the formats; Auto if it is empty.
	Format string

	// Scheme is the scheme of the URL that counts in the Kratos format. Without it that is http,
	// else https, else the only one.
	Scheme string
}

// Decode reads a value and normalizes the endpoint.
func (r *Reader) Decode(value []byte) (listing.Info, error) {
	fields, err := objectFields(value)
	switch {
	case err != nil && r.Format != "" && r.Format != Auto:
		return listing.Info{}, err
	case r.Format == Kitex:
		return decodeKitex(fields)
	case r.Format == Kratos:
		return decodeKratos(fields, r.Scheme)
	case fields["Addr"] != nil:
		return decodeNaming(fields)
	case fields["endpoints"] != nil:
		return decodeKratos(fields, r.Scheme)
	case fields["network"] != nil:
		return decodeKitex(fields)
	}
	return listing.DecodeEntry(value)
}

// objectFields returns the fields of a JSON object.
func objectFields(value []byte) (fields map[string]json.RawMessage, err error) {
	if len(value) > listing.MaxEntrySize {
		return nil, fmt.Errorf("has %d bytes; an endpoint may have %d", len(value), listing.MaxEntrySize)
	}
	if json.Unmarshal(value, &fields) != nil || fields == nil {
		return nil, errors.New("is not an object in JSON")
	}
	return fields, nil
}

// decodeField decodes a field unless it is missing, or null, which changes nothing.
func decodeField(fields map[string]json.RawMessage, name, expected string, to any) error {
	raw, ok := fields[name]
	if ok && json.Unmarshal(raw, to) != nil {
		return fmt.Errorf("field %s: is %.50q; expected %s", name, raw, expected)
	}
	return nil
}
