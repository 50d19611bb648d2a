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

// MaxCount is the largest priority and limit of requests. It keeps sums over a pool of any size
// within 64 bits, and is the same on every platform.
const MaxCount = math.MaxInt32

// Info is what a source says of one endpoint. It must not be changed once it is reported.
type Info struct {
	// The [network address](/docs/conventions#network-addresses) to dial. It must denote one
	// socket: a host with one port, or a unix socket. Required.
	Address string `json:"address"`

	// The share of requests relative to the other endpoints, from 0 to 65535. 0 drains the
	// endpoint: it gets no new requests. Default: 1.
	Weight int `json:"weight"`

	// A name that stays the same when the address changes. Hash policies use it instead of the
	// address, so that a moved endpoint keeps its keys. Default: the address.
	ID string `json:"id,omitempty"`

	// The place where the endpoint runs, such as an availability zone. A pool with a `zone` prefers
	// endpoints in its own zone. Default: none.
	Zone string `json:"zone,omitempty"`

	// The tier of the endpoint, from 0 to 2147483647. The lowest number serves first, and the next
	// one takes over what it cannot carry. Default: 0.
	Priority int `json:"priority,omitempty"`

	// The maximum number of requests in flight at the endpoint, up to 2147483647. Requests beyond
	// it go to other endpoints. Default: 0, which is no limit.
	MaxRequests int `json:"max_requests,omitempty"`

	// Whether the endpoint finishes the requests that it has and gets no new ones. Default: false.
	Draining bool `json:"draining,omitempty"`

	// Anything else that the source knows, such as a version. It has no effect on the selection.
	Metadata map[string]string `json:"metadata,omitempty"`

	// Host is the host name that the source resolved to the address, empty if it did not. Addresses
	// of one host and port are taken for the same server. It is neither read from lists nor stored.
	Host string `json:"-"`

	// Trusted means that the list is not from a network, so that the address is dialed whatever the
	// rules of the pool say. The pool sets it.
	Trusted bool `json:"-"`
}

// UnmarshalJSON decodes an endpoint's fields or a bare address, as DecodeList does for an entry. It
// does not normalize, because a config may still contain placeholders.
func (i *Info) UnmarshalJSON(data []byte) error {
	n, err := parseJSON(data)
	if err != nil {
		return err
	}
	*i, err = n.info()
	return err
}

// Serving reports whether the source lets the endpoint get new requests.
func (i *Info) Serving() bool { return i.Weight > 0 && !i.Draining }

// Equal reports whether all fields are equal.
func (i *Info) Equal(other *Info) bool {
	return i.Address == other.Address && i.ID == other.ID && i.Weight == other.Weight && i.Zone == other.Zone &&
		i.Priority == other.Priority && i.MaxRequests == other.MaxRequests &&
		i.Draining == other.Draining && i.Host == other.Host && i.Trusted == other.Trusted &&
		maps.Equal(i.Metadata, other.Metadata)
}

// Key returns the name of the endpoint for hashing: its ID if it has one, else its address.
func (i *Info) Key() string {
	if i.ID != "" {
		return i.ID
	}
	return i.Address
}

// Normalize checks every field and brings the address into the one form that pools compare. An
// error names the field and what was expected.
func (i *Info) Normalize() error {
	address, err := normalAddress(i.Address)
	if err != nil {
		return &fieldError{"address", err}
	}
	i.Address = address
	if err := i.checkNumbers(); err != nil {
		return err
	}
	return i.checkTexts()
}

func (i *Info) checkNumbers() error {
	for _, f := range []struct {
		name       string
		value, max int
	}{
		{"weight", i.Weight, MaxWeight}, {"priority", i.Priority, MaxCount}, {"max_requests", i.MaxRequests, MaxCount},
	} {
		if f.value < 0 || f.value > f.max {
			return &fieldError{f.name, fmt.Errorf("%d is not between 0 and %d", f.value, f.max)}
		}
	}
	return nil
}

// checkTexts refuses control characters, which could forge lines of a log.
func (i *Info) checkTexts() error {
	for _, f := range []struct{ name, value string }{{"id", i.ID}, {"zone", i.Zone}} {
		if hasControl(f.value) {
			return &fieldError{f.name, fmt.Errorf("%s has a control character", quoted(f.value))}
		}
	}
	for key, value := range i.Metadata {
		if hasControl(key) || hasControl(value) {
			return &fieldError{"metadata", fmt.Errorf("%s: %s has a control character", quoted(key), quoted(value))}
		}
	}
	return nil
}

func hasControl(s string) bool { return strings.IndexFunc(s, unicode.IsControl) >= 0 }
