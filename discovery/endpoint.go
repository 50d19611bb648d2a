package discovery

import "github.com/caddy-balance/caddy-balance/internal/listing"

// Endpoint describes one backend as a source knows it. The alias lets a source in another Go module
// write discovery.Endpoint{...}: the type itself is in an internal package, because policies and
// probes need it without knowing about sources.
//
// Address is required: a host with one port, or a unix socket such as unix//run/app.sock. Weight is
// the share relative to the other endpoints, from 0 to 65535. A source must set it: 1 is the usual
// weight, and 0 drains the endpoint. ID, Zone, Priority, MaxRequests, Draining and Metadata are
// optional. docs/endpoints.md describes each field.
type Endpoint = listing.Info

// DecodeList reads a whole list in JSON or YAML, in the formats of docs/endpoints.md, and
// normalizes each endpoint. One mistake fails the whole list, because a person or a program wrote
// it as a whole. name is the name of the list in errors, such as a path or a URL. limit is the
// maximum number of entries, see MaxEndpoints.
func DecodeList(name string, data []byte, limit int) ([]Endpoint, error) {
	return listing.DecodeList(name, data, limit)
}
