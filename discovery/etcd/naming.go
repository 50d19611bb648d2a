package etcd

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// decodeNaming reads a value that etcd's Go package naming/endpoints wrote for gRPC clients:
// {"Op":0,"Addr":"10.0.0.1:80","Metadata":...}. It recognizes the layout by the field Addr, and
// isNaming is false for any other value.
func decodeNaming(value []byte) (info listing.Info, isNaming bool, err error) {
	if !bytes.Contains(value, []byte(`"Addr"`)) {
		return info, false, nil
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(value, &fields) != nil || fields["Addr"] == nil {
		return info, false, nil
	}
	info.Weight = 1
	if err := json.Unmarshal(fields["Addr"], &info.Address); err != nil {
		return info, true, fmt.Errorf("field Addr: %w", err)
	}
	if op := string(fields["Op"]); op != "" && op != "0" {
		return info, true, fmt.Errorf("field Op: is %.20q; expected 0, for an endpoint that was added", op)
	}
	if err := setMetadata(&info, fields["Metadata"]); err != nil {
		return info, true, fmt.Errorf("field Metadata: %w", err)
	}
	return info, true, info.Normalize()
}

// setMetadata copies the fields of the metadata. weight and zone become those of the endpoint.
// Metadata that is not an object is ignored. It is no mistake, because naming/endpoints allows any
// value there for the application's own load balancer.
func setMetadata(info *listing.Info, metadata json.RawMessage) error {
	var fields map[string]json.RawMessage
	if json.Unmarshal(metadata, &fields) != nil || len(fields) == 0 {
		return nil
	}
	info.Metadata = make(map[string]string, len(fields))
	for name, raw := range fields {
		text := string(raw) // numbers stay as written, and nested values stay JSON
		if raw[0] == '"' {
			_ = json.Unmarshal(raw, &text) // a valid string literal decodes
		}
		info.Metadata[name] = text
	}
	info.Zone = info.Metadata["zone"]
	delete(info.Metadata, "zone")
	if text, ok := info.Metadata["weight"]; ok {
		weight, err := strconv.Atoi(text)
		if err != nil {
			return fmt.Errorf("weight: %.20q is not a whole number between 0 and %d", text, listing.MaxWeight)
		}
		info.Weight = weight
		delete(info.Metadata, "weight")
	}
	return nil
}
