package registry

import (
	"errors"
	"fmt"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// Registration is an endpoint as it registers itself, as it is stored, and as the admin API shows it.
type Registration struct {
	listing.Info

	// How long the endpoint stays without another heartbeat. 0 leaves that to the source.
	TTL TTL `json:"ttl"`

	// When it will go if it is not heard of again. It is only shown.
	Expires time.Time `json:"expires,omitzero"`
}

// TTL is a duration that is written as in a Caddyfile.
type TTL time.Duration

// MarshalText implements encoding.TextMarshaler.
func (t TTL) MarshalText() ([]byte, error) { return []byte(time.Duration(t).String()), nil }

// longestID is beyond any host name with a port, and any UUID.
const longestID = 512

// DecodeRegistration reads what a service says of itself. Errors name the field and what was expected.
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

// Identify makes id the registration's own.
func (r *Registration) Identify(id string) error {
	if r.ID != "" && r.ID != id {
		return fmt.Errorf("id: %q is not that of the path, which is %q", r.ID, id)
	}
	r.ID = id
	return r.checkID()
}

func (r *Registration) checkID() error {
	switch {
	case r.ID == "":
		return errors.New("id: is missing")
	case len(r.ID) > longestID:
		return fmt.Errorf("id: has %d bytes; expected at most %d", len(r.ID), longestID)
	}
	return r.Normalize()
}

func (l *lease) registration() Registration {
	return Registration{Info: l.info, TTL: TTL(l.ttl), Expires: l.ends.Round(0)}
}
