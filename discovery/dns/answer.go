package dns

import (
	"context"
	"fmt"
	"math"
	"net/netip"

	"github.com/miekg/dns"
)

// maxAliases is the maximum number of CNAME records in a chain, as in common resolvers. It also
// ends loops.
const maxAliases = 16

// answer is the records of a name and type, with aliases followed.
type answer struct {
	records []dns.RR
	extra   []dns.RR // the additional section
	ttl     uint32   // the smallest one of the chain; without records, that of the negative answer
	aliases int
}

// resolve asks a question, and follows the aliases that the server did not follow itself. With an
// error, the answer has the part that came.
func resolve(
	ctx context.Context, q question, ask func(context.Context, question) (*dns.Msg, error),
) (answer, error) {
	found := answer{ttl: math.MaxUint32}
	for next := q; next.name != ""; {
		reply, err := ask(ctx, next)
		if reply != nil {
			next.name = found.read(reply, q.kind)
		}
		if err != nil {
			return found, err
		}
		if found.aliases > maxAliases {
			return found, fmt.Errorf("%s: more than %d aliases lead on from it", q.name, maxAliases)
		}
	}
	return found, nil
}

// read adds a reply to the answer. It returns the alias at which the reply ends, or "" if the
// answer is whole.
func (a *answer) read(reply *dns.Msg, kind uint16) (next string) {
	name := dns.CanonicalName(reply.Question[0].Name)
	followed := a.aliases
	for a.aliases <= maxAliases {
		alias, found := a.collect(reply.Answer, name, kind)
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

// collect adds the records of name. If there are none, it returns the name that name is an alias
// of.
func (a *answer) collect(records []dns.RR, name string, kind uint16) (alias string, found bool) {
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

// negativeTTL returns how long a negative reply holds, in seconds (RFC 2308, section 5).
func negativeTTL(reply *dns.Msg) (ttl uint32, negative bool) {
	for _, record := range reply.Ns {
		if soa, ok := record.(*dns.SOA); ok {
			return min(soa.Hdr.Ttl, soa.Minttl), true
		}
	}
	return 0, false
}

// addressOf returns the address in an A or AAAA record. It is not valid for other records.
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
