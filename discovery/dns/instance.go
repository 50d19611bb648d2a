package dns

import (
	"errors"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/miekg/dns"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// srvTarget is an SRV record and the addresses of its target.
type srvTarget struct {
	*dns.SRV
	name      string // of the target, in lower case with its final dot
	addresses []netip.Addr

	unresolved bool // there may be more addresses; the look-up knows why
	unroutable bool // it has addresses, but there is no route to them
}

func srvTargets(records []dns.RR) []srvTarget {
	targets := make([]srvTarget, 0, len(records))
	for _, record := range records {
		if srv, ok := record.(*dns.SRV); ok {
			targets = append(targets, srvTarget{SRV: srv, name: dns.CanonicalName(srv.Target)})
		}
	}
	return targets
}

// isNotOffered reports whether the domain declares that it does not offer the service (RFC 2782):
// the only target is ".".
func isNotOffered(records []dns.RR) bool {
	targets := srvTargets(records)
	return len(targets) == 1 && targets[0].name == "."
}

// key names the record in errors, and is the ID of an endpoint that is the target's only one.
func (t *srvTarget) key() string {
	return net.JoinHostPort(strings.TrimSuffix(t.name, "."), strconv.Itoa(int(t.Port)))
}

// info returns an endpoint of the target.
func (t *srvTarget) info(host string, weight int) listing.Info {
	return listing.Info{
		Address:  net.JoinHostPort(host, strconv.Itoa(int(t.Port))),
		Weight:   weight,
		Priority: int(t.Priority),
		Host:     strings.TrimSuffix(t.name, "."),
	}
}

// weight is at least 1, because 0 drains an endpoint. The algorithm of RFC 2782 picks a record of
// weight 0, beside others that sum up to n, when a random number from 0 to n is 0. That is the
// chance of a weight of 1.
func (t *srvTarget) weight() int { return max(1, int(t.Weight)) }

// addressEndpoints makes an endpoint of each address of a name.
func addressEndpoints(name string, addresses []netip.Addr, port int) discovery.Answer {
	var g discovery.AnswerBuilder
	target := srvTarget{SRV: &dns.SRV{Port: uint16(port)}, name: name}
	for _, address := range addresses {
		g.Add(address.String(), target.info(address.String(), 1))
	}
	return g.Answer()
}

// targetEndpoints makes an endpoint of each address of each target.
func targetEndpoints(targets []srvTarget) discovery.Answer {
	var g discovery.AnswerBuilder
	weights := shares(targets)
	for i := range targets {
		t := &targets[i]
		switch {
		case t.unroutable:
			g.Drop(t.key(), errors.New("target: this machine has no route to its addresses"))
		case len(t.addresses) == 0 && !t.unresolved:
			g.Drop(t.key(), errors.New("target: has no address"))
		}
		for _, address := range t.addresses {
			info := t.info(address.String(), weights[i])
			if len(t.addresses) == 1 {
				info.ID = t.key()
			}
			g.Add(t.key(), info)
		}
	}
	return g.Answer()
}

var errNoHostName = errors.New("target: is not a host name; " +
	"expected letters, digits, hyphens, underscores and dots")

// nameEndpoints makes one endpoint of each target.
func nameEndpoints(records []dns.RR) discovery.Answer {
	var g discovery.AnswerBuilder
	for _, t := range srvTargets(records) {
		host := strings.TrimSuffix(t.name, ".")
		if !isHostName(host) {
			g.Drop(t.key(), errNoHostName)
			continue
		}
		g.Add(t.key(), t.info(host, t.weight()))
	}
	return g.Answer()
}

// isHostName reports whether a name can be that of a host. A name in the DNS may have any bytes,
// and an address with a slash would be a socket. Underscores are not allowed, but common.
func isHostName(name string) bool {
	for _, c := range []byte(name) {
		isLetter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !isLetter && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return name != ""
}

// shares divides the weight of each target among its addresses. Because weights are whole numbers,
// all weights are first multiplied by a number that all the counts of addresses divide, as far as
// the maximum weight allows.
func shares(targets []srvTarget) []int {
	multiple := 1
	for i := range targets {
		if n := len(targets[i].addresses); n > 0 {
			multiple = min(leastCommonMultiple(multiple, n), listing.MaxWeight)
		}
	}
	weights, largest := make([]int, len(targets)), 1
	for i := range targets {
		t := &targets[i]
		weights[i] = max(1, t.weight()*multiple/max(1, len(t.addresses)))
		largest = max(largest, weights[i])
	}
	if largest > listing.MaxWeight {
		for i := range weights {
			weights[i] = max(1, weights[i]*listing.MaxWeight/largest)
		}
	}
	return weights
}

func leastCommonMultiple(a, b int) int {
	x, y := a, b
	for y != 0 {
		x, y = y, x%y
	}
	return a / x * b
}
