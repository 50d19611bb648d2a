package dns

import (
	"context"
	"fmt"
	"math"
	"net/netip"

	"github.com/miekg/dns"
)

// mostAliases is how many CNAMEs may lead to a name, as in common resolvers. It also ends loops.
const mostAliases = 16

// dnsAnswer is what there is of a name and type, aliases followed.
type dnsAnswer struct {
	records []dns.RR
	extra   []dns.RR // the additional section
	ttl     uint32   // the smallest one on the way to the records, or that of there being none
	aliases int
}

// resolve follows aliases that a server did not follow itself.
func (q *dnsQuery) resolve(ctx context.Context, name string, kind uint16) (dnsAnswer, error) {
	answer := dnsAnswer{ttl: math.MaxUint32}
	for next := name; next != ""; {
		reply, err := q.ask(ctx, next, kind)
		if err != nil {
			return answer, err
		}
		if next = answer.read(reply, kind); answer.aliases > mostAliases {
			return answer, fmt.Errorf("%s: more than %d aliases lead on from it", name, mostAliases)
		}
	}
	return answer, nil
}

// read takes in a reply, and returns the alias that it breaks off at, if it does.
func (a *dnsAnswer) read(reply *dns.Msg, kind uint16) (next string) {
	name := dns.CanonicalName(reply.Question[0].Name)
	followed := a.aliases
	for a.aliases <= mostAliases {
		alias, found := a.take(reply.Answer, name, kind)
		if found {
			a.extra = reply.Extra
			return ""
		}
		if alias == "" {
			break
		}
		name = alias
		a.aliases++
	}
	ttl, negative := negativeTTL(reply)
	if negative || reply.Rcode == dns.RcodeNameError || a.aliases == followed {
		a.ttl = min(a.ttl, ttl)
		return ""
	}
	return name
}

// take collects the records of name, or else finds what it is an alias of.
func (a *dnsAnswer) take(records []dns.RR, name string, kind uint16) (alias string, found bool) {
	for _, record := range records {
		h := record.Header()
		if h.Class != dns.ClassINET || dns.CanonicalName(h.Name) != name {
			continue
		}
		cname, isAlias := record.(*dns.CNAME)
		switch {
		case h.Rrtype == kind:
			a.records = append(a.records, record)
		case isAlias:
			alias = dns.CanonicalName(cname.Target)
		default:
			continue
		}
		a.ttl = min(a.ttl, h.Ttl)
	}
	return alias, len(a.records) > 0
}

// negativeTTL is for how long there is nothing, in a reply that says so (RFC 2308, section 5).
func negativeTTL(reply *dns.Msg) (ttl uint32, negative bool) {
	for _, record := range reply.Ns {
		if soa, ok := record.(*dns.SOA); ok {
			return min(soa.Hdr.Ttl, soa.Minttl), true
		}
	}
	return 0, false
}

// addressOf is the address in an A or AAAA record.
func addressOf(record dns.RR) netip.Addr {
	var address netip.Addr
	switch r := record.(type) {
	case *dns.A:
		address, _ = netip.AddrFromSlice(r.A)
	case *dns.AAAA:
		address, _ = netip.AddrFromSlice(r.AAAA)
	}
	return address.Unmap()
}
