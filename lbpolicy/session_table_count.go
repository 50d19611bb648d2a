package lbpolicy

import (
	"time"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// each calls f for each part, without the sessions whose time is over. A part is locked meanwhile.
//
// To remove those costs as much as their requests did before, so that looking often costs little.
func (t *sessionTable) each(now time.Time, f func(*tablePart)) {
	ttl := t.lifetime()
	t.eachPart(func(p *tablePart) {
		if ttl > 0 {
			p.removeOver(nil, ttl, now)
		}
		f(p)
	})
}

// SessionPool implements endpoint.SessionTable.
func (t *sessionTable) SessionPool() string { return t.pool }

// SessionCounts implements endpoint.SessionTable.
func (t *sessionTable) SessionCounts(now time.Time) endpoint.SessionCounts {
	c := endpoint.SessionCounts{
		Pool: t.pool, Carrier: t.carrier, Limit: int(t.limit.Load()), Evicted: uint64(t.evicted.Load()),
	}
	t.each(now, func(p *tablePart) { c.Sessions += len(p.byKey) })
	return c
}

// SessionsAt implements endpoint.SessionTable. In a table, the token of an endpoint is its key.
func (t *sessionTable) SessionsAt(key string, now time.Time) (n int) {
	t.each(now, func(p *tablePart) { n += p.byToken[key] })
	return n
}

// AddSessions implements endpoint.SessionTable.
func (t *sessionTable) AddSessions(byKey map[string]int, now time.Time) {
	t.each(now, func(p *tablePart) {
		for token, n := range p.byToken {
			byKey[token] += n
		}
	})
}

// give makes a session that of an entry, and counts it for its endpoint.
func (p *tablePart) give(e *tableEntry, s session) {
	if e.session.token != s.token {
		p.uncount(e)
		if s.token != "" {
			p.byToken[s.token]++
		}
	}
	e.session = s
}

func (p *tablePart) uncount(e *tableEntry) {
	token := e.session.token
	if p.byToken[token]--; p.byToken[token] <= 0 {
		delete(p.byToken, token)
	}
}

// removeOver removes the entries whose time is over, but not keep.
func (p *tablePart) removeOver(keep *tableEntry, ttl time.Duration, now time.Time) {
	for _, l := range []*tableList{&p.once, &p.known} {
		for l.longest != nil && l.longest != keep && l.longest.isOver(ttl, now) {
			p.remove(l.longest)
		}
	}
}
