package format

import (
	"fmt"
	"strconv"

	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// setMetadata sets the metadata of an endpoint. weight and zone become fields of the endpoint.
func setMetadata(info *listing.Info, metadata map[string]string) error {
	if text, ok := metadata["weight"]; ok {
		weight, err := strconv.Atoi(text)
		if err != nil {
			return fmt.Errorf("weight: %.20q is not a whole number between 0 and %d", text, listing.MaxWeight)
		}
		info.Weight = weight
		delete(metadata, "weight")
	}
	setZone(info, metadata)
	return nil
}

// setZone sets the metadata of an endpoint. zone becomes a field of the endpoint.
func setZone(info *listing.Info, metadata map[string]string) {
	info.Zone = metadata["zone"]
	delete(metadata, "zone")
	if len(metadata) > 0 {
		info.Metadata = metadata
	}
}
