package format

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// kitexWeight is the weight that Kitex and Hertz assume for an instance without one.
const kitexWeight = 10

// decodeKitex reads a value of Kitex's registry-etcd or Hertz' registry/etcd:
// {"network":"tcp","address":"10.0.0.1:8888","weight":10,"tags":{"zone":"eu-1a"}}. As in these
// frameworks, a weight of 0 or less is the default one. The tags are metadata, and zone sets that
// field.
func decodeKitex(fields map[string]json.RawMessage) (listing.Info, error) {
	var info listing.Info
	var network string
	var tags map[string]string
	for _, err := range []error{
		decodeField(fields, "address", "text", &info.Address),
		decodeField(fields, "network", "text", &network),
		decodeField(fields, "weight", "a whole number", &info.Weight),
		decodeField(fields, "tags", "an object of texts", &tags),
	} {
		if err != nil {
			return info, err
		}
	}
	if info.Weight <= 0 {
		info.Weight = kitexWeight
	}
	switch network {
	case "", "tcp", "tcp4", "tcp6":
	case "unix":
		info.Address = "unix/" + info.Address
	default:
		return info, fmt.Errorf("field network: %.20q is not tcp or unix", network)
	}
	setZone(&info, tags)
	return info, info.Normalize()
}

// SetKitexTags adds the tags of an instance in Consul, which Kitex and Hertz write as key:value, to
// its metadata. The tag zone sets that field. What the endpoint has already stays.
func SetKitexTags(info *listing.Info, tags []string) {
	metadata := make(map[string]string, len(info.Metadata)+len(tags))
	for _, tag := range tags {
		if key, value, ok := strings.Cut(tag, ":"); ok && key != "" {
			metadata[key] = value
		}
	}
	zone := metadata["zone"]
	delete(metadata, "zone")
	if info.Zone == "" {
		info.Zone = zone
	}
	for key, value := range info.Metadata {
		metadata[key] = value
	}
	if len(metadata) > 0 {
		info.Metadata = metadata
	}
}
