// Package endpoint is the noun that discovery, healthprobe and lbpolicy share:
// who is in a pool, and what is known of each of them.
package listing

import (
	"fmt"
	"maps"
	"math"
	"strings"
	"unicode"
)

// MaxWeight is the largest weight, as in DNS SRV records (RFC 2782).
const MaxWeight = math.MaxUint16

// maxCount keeps sums over a pool of any size within 64 bits, and means the same on every platform.
const MaxCount = math.MaxInt32

// Info is what a source says of one endpoint. It is immutable once reported.
type Info struct {
	// The [network address](/docs/conventions#network-addresses) to dial. It must mean one socket: a host with one port, or a unix socket.
	Address string `json:"address"`

	// The share of requests relative to the other endpoints, from 0 to 65535. 0 drains the endpoint: it gets nothing new. Default: 1.
	Weight int `json:"weight"`

	// A name that stays the same when the address changes. Hash policies use it instead of the address, so that a moved endpoint keeps its keys.
	ID string `json:"id,omitempty"`

	// Where the endpoint runs, such as an availability zone.
	Zone string `json:"zone,omitempty"`

	// The tier of the endpoint, from 0 to 2147483647; lower numbers serve first. Default: 0.
	Priority int `json:"priority,omitempty"`

	// The most requests that may be in flight here at once, up to 2147483647. Default: 0, which means no limit of its own.
	MaxRequests int `json:"max_requests,omitempty"`

	// Whether the endpoint finishes what it has and gets nothing new.
	Draining bool `json:"draining,omitempty"`

	// Anything else the source knows, such as a version.
	Metadata map[string]string `json:"metadata,omitempty"`
}

// UnmarshalJSON decodes what DecodeList takes as one entry: an endpoint's fields, or a bare
// address. It leaves the values alone, because config may still hold placeholders.
func (i *Info) UnmarshalJSON(data []byte) error {
	n, err := parseJSON(data)
	if err != nil {
		return err
	}
	*i, err = n.info()
	return err
}

// Serving reports whether the endpoint may get new requests as far as its source is concerned.
func (i *Info) Serving() bool { return i.Weight > 0 && !i.Draining }

// Equal reports whether both say the same.
func (i *Info) Equal(other *Info) bool {
	return i.Address == other.Address && i.ID == other.ID && i.Weight == other.Weight && i.Zone == other.Zone &&
		i.Priority == other.Priority && i.MaxRequests == other.MaxRequests && i.Draining == other.Draining &&
		maps.Equal(i.Metadata, other.Metadata)
}

// Key is what names the endpoint for hashing: its ID if it has one, else its address.
func (i *Info) Key() string {
	if i.ID != "" {
		return i.ID
	}
	return i.Address
}

// Normalize checks every field and brings the address into the one form that pools compare.
// Errors name the field and what was expected.
func (i *Info) Normalize() error {
	address, err := normalAddress(i.Address)
	if err != nil {
		return &fieldError{"address", err}
	}
	i.Address = address
	for _, f := range []struct {
		name       string
		value, max int
	}{{"weight", i.Weight, MaxWeight}, {"priority", i.Priority, MaxCount}, {"max_requests", i.MaxRequests, MaxCount}} {
		if f.value < 0 || f.value > f.max {
			return &fieldError{f.name, fmt.Errorf("%d is not between 0 and %d", f.value, f.max)}
		}
	}
	for _, f := range []struct{ name, value string }{{"id", i.ID}, {"zone", i.Zone}} {
		if hasControl(f.value) {
			return &fieldError{f.name, fmt.Errorf("%s has a control character", shown(f.value))}
		}
	}
	for key, value := range i.Metadata {
		if hasControl(key) || hasControl(value) {
			return &fieldError{"metadata", fmt.Errorf("%s: %s has a control character", shown(key), shown(value))}
		}
	}
	return nil
}

func hasControl(s string) bool { return strings.IndexFunc(s, unicode.IsControl) >= 0 }
