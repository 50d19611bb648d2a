package registry

import (
	"errors"
	"fmt"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// Registration is an endpoint in the form of the admin API and of the storage.
type Registration struct {
	listing.Info

	// TTL is the time that the endpoint stays without another heartbeat. 0 means the default of the
	// source.
	TTL TTL `json:"ttl"`

	// Expires is the time when the endpoint is removed without another heartbeat. It is output
	// only.
	Expires time.Time `json:"expires,omitzero"`
}

// TTL is a duration that is written as text in JSON, such as "30s".
type TTL time.Duration

// MarshalText implements encoding.TextMarshaler.
func (t TTL) MarshalText() ([]byte, error) { return []byte(time.Duration(t).String()), nil }

// maxIDLength is the maximum length of an ID in bytes. Host names with a port and UUIDs are
// shorter.
const maxIDLength = 512

// DecodeRegistration reads the JSON of a registration. Errors name the field and the expected
// value.
func DecodeRegistration(data []byte) (Registration, error) {
	var ttl string
	info, err := listing.DecodeFields(data, listing.TextField{Name: "ttl", Value: &ttl})
	r := Registration{Info: info}
	if err != nil || ttl == "" {
		return r, err
	}
	parsed, err := caddy.ParseDuration(ttl)
	if err != nil || parsed <= 0 {
		return r, fmt.Errorf("ttl: %q is not a duration such as 30s", ttl)
	}
	r.TTL = TTL(parsed)
	return r, nil
}

// Identify sets the ID, and returns an error if the registration has another one or is not valid.
func (r *Registration) Identify(id string) error {
	if r.ID != "" && r.ID != id {
		return fmt.Errorf("id: %q is not that of the path, which is %q", r.ID, id)
	}
	r.ID = id
	return r.checkID()
}

// checkID checks the ID and normalizes the endpoint.
func (r *Registration) checkID() error {
	switch {
	case r.ID == "":
		return errors.New("id: is missing")
	case len(r.ID) > maxIDLength:
		return fmt.Errorf("id: has %d bytes; expected at most %d", len(r.ID), maxIDLength)
	}
	return r.Normalize()
}

func (l *lease) registration() Registration {
	return Registration{Info: l.info, TTL: TTL(l.ttl), Expires: l.ends.Round(0)}
}
