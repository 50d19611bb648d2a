package discovery

import "github.com/caddy-balance/caddy-balance/internal/listing"

// Endpoint describes one backend as a source knows it. The type lives in an internal package because
// pools and policies use it too; the alias lets a source in another module write discovery.Endpoint{...}.
//
// Address is the only required field: a host with one port, or a unix socket. Weight is relative to
// the other endpoints, from 0 to 65535. A source must set it: 1 is the usual weight, and 0 drains the
// endpoint. ID, Zone, Priority, MaxRequests, Draining and Metadata are optional. Call Normalize before
// reporting an endpoint that did not pass through an AnswerBuilder.
type Endpoint = listing.Info
