package format

import (
	"encoding/json"
	"fmt"

	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// decodeNaming reads a value that etcd's Go package naming/endpoints wrote for gRPC clients:
// {"Op":0,"Addr":"10.0.0.1:80","Metadata":...}.
func decodeNaming(fields map[string]json.RawMessage) (listing.Info, error) {
	info := listing.Info{Weight: 1}
	if err := decodeField(fields, "Addr", "text", &info.Address); err != nil {
		return info, err
	}
	if op := string(fields["Op"]); op != "" && op != "0" {
		return info, fmt.Errorf("field Op: is %.20q; expected 0, for an endpoint that was added", op)
	}
	if err := setMetadata(&info, anyMetadata(fields["Metadata"])); err != nil {
		return info, fmt.Errorf("field Metadata: %w", err)
	}
	return info, info.Normalize()
}

// anyMetadata returns the fields of the metadata as text. Metadata that is not an object is
// ignored. It is no mistake, because naming/endpoints allows any value there for the application's
// own load balancer.
func anyMetadata(raw json.RawMessage) map[string]string {
	var fields map[string]json.RawMessage
	if json.Unmarshal(raw, &fields) != nil {
		return nil
	}
	metadata := make(map[string]string, len(fields))
	for name, raw := range fields {
		text := string(raw) // numbers stay as written, and nested values stay JSON
		if raw[0] == '"' {
			_ = json.Unmarshal(raw, &text) // a valid string literal decodes
		}
		metadata[name] = text
	}
	return metadata
}
