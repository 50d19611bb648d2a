package lbpolicy

import (
	"net/http"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-balance/caddy-balance/internal/attempt"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// Select implements reverseproxy.Selector. Each attempt of a request passes through it.
func (p *Split) Select(
	pool reverseproxy.UpstreamPool, r *http.Request, w http.ResponseWriter,
) *reverseproxy.Upstream {
	attempts := p.transport.Attempts(r)
	u := p.selectUpstream(pool, r, w, attempts)
	if p.Sticky != nil {
		p.Sticky.seeKey(r)
		if u != nil {
			p.Sticky.remember(w, r, attempts.Assignment())
		}
	}
	return u
}

func (p *Split) selectUpstream(
	pool reverseproxy.UpstreamPool, r *http.Request, w http.ResponseWriter, attempts *attempt.RequestAttempts,
) *reverseproxy.Upstream {
	if e := attempts.Picked(); e != nil && p.pool != nil && len(pool) > 0 && pool[0].Dial == e.Address() {
		if u := p.confirmGroup(pool, r, w, e); u != nil {
			return u
		}
		attempts.Abandon()
		pool = pool[1:]
	}
	if len(pool) == 0 {
		return nil
	}
	return p.selectFrom(pool, r, w, attempts)
}

// confirmGroup lets the policy of the picked endpoint's group confirm the pick.
func (p *Split) confirmGroup(
	offer reverseproxy.UpstreamPool, r *http.Request, w http.ResponseWriter, e *endpoint.Endpoint,
) *reverseproxy.Upstream {
	g := -1
	if m := p.pool.roster.Snapshot().Find(e.Address()); m != nil {
		g = p.groupOf(m.Info)
	}
	if g >= 0 && p.Groups[g].picks() {
		return p.Groups[g].guest.Select(offer, r, w)
	}
	if offer[0].Healthy() { // it has left the list or its group a moment ago
		return offer[0]
	}
	return nil
}

// selectFrom selects from a list. It prefers an untried upstream of any group to a tried one.
func (p *Split) selectFrom(
	pool reverseproxy.UpstreamPool, r *http.Request, w http.ResponseWriter, attempts *attempt.RequestAttempts,
) *reverseproxy.Upstream {
	members := p.view(pool).members
	own := p.assign(r, attempts)
	for untriedOnly := attempts.Any(); ; untriedOnly = false {
		for n := range p.tries() {
			g, ok := p.nth(n, own)
			if !ok {
				continue
			}
			part := p.partOf(g, pool, members)
			if len(part.pool) == 0 || untriedOnly && !part.hasUntried(attempts) {
				continue
			}
			if n > 0 {
				attempts.NoteGroupSpill()
			}
			if u := p.selectWithin(g, part, r, w); u != nil {
				p.noteServed(attempts, g, n > 0)
				return u
			}
		}
		if !untriedOnly {
			return nil
		}
	}
}

func (p *Split) selectWithin(g int, part part, r *http.Request, w http.ResponseWriter) *reverseproxy.Upstream {
	guest := p.Groups[g].guest
	if p.Groups[g].picks() {
		return guest.Select(part.pool, r, w)
	}
	return p.selectBy(guest, part.pool, part.members, r, w)
}

// part is the part of a list that is in a group.
type part struct {
	pool    reverseproxy.UpstreamPool
	members []endpoint.Member
}

// partOf returns the list itself if all of it is in the group.
func (p *Split) partOf(g int, pool reverseproxy.UpstreamPool, members []endpoint.Member) (of part) {
	all := true
	for i := range members {
		if p.groupOf(members[i].Info) != g {
			all = false
			break
		}
	}
	if all {
		return part{pool, members}
	}
	for i := range members {
		if p.groupOf(members[i].Info) == g {
			of.pool, of.members = append(of.pool, pool[i]), append(of.members, members[i])
		}
	}
	return of
}

func (of part) hasUntried(attempts *attempt.RequestAttempts) bool {
	for i, u := range of.pool {
		if u.Available() && !attempts.Tried(of.members[i].Endpoint) {
			return true
		}
	}
	return false
}
