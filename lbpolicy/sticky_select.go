package lbpolicy

import (
	"net/http"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-balance/caddy-balance/internal/attempt"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// Select implements reverseproxy.Selector. Each attempt of a request passes through it, so it is
// where a session begins or moves, provided that the endpoint answers.
func (p *Sticky) Select(
	pool reverseproxy.UpstreamPool, r *http.Request, w http.ResponseWriter,
) *reverseproxy.Upstream {
	if len(pool) == 0 {
		return nil
	}
	attempts := p.transport.Attempts(r)
	lists := p.listsFor(pool, r)
	u := p.selectFor(pool, r, w, attempts)
	if u != nil && w != nil && r != nil {
		p.remember(w, r, lists, u.Dial, attempts)
	}
	return u
}

func (p *Sticky) selectFor(
	pool reverseproxy.UpstreamPool, r *http.Request, w http.ResponseWriter, attempts *attempt.RequestAttempts,
) *reverseproxy.Upstream {
	e := attempts.Picked()
	picked := e != nil && p.pool != nil && pool[0].Dial == e.Address()
	if !picked {
		if u := p.selectResident(pool, r, attempts); u != nil {
			return u
		}
	}
	switch {
	case p.fallback == nil:
		return p.guest.Select(pool, r, w)
	case !picked:
		return p.selectByFallback(pool, r, w)
	case pool[0].Healthy():
		return pool[0]
	}
	attempts.Abandon()
	if len(pool) == 1 {
		return nil
	}
	return p.selectByFallback(pool[1:], r, w)
}

// selectResident selects the upstream of the request's session from a list, nil if that has none.
func (p *Sticky) selectResident(
	pool reverseproxy.UpstreamPool, r *http.Request, attempts *attempt.RequestAttempts,
) *reverseproxy.Upstream {
	if r == nil || p.keysFor(r) == nil {
		return nil
	}
	b := p.view(pool).prepared()[0]
	table := b.picker.(*residents)
	of, ok := p.read(attempts.Original(r), p.now(), true, table)
	if !ok {
		return nil
	}
	c := candidatesNow(b.Members, pool, r, attempts)
	take := func(i int) bool {
		if i < 0 || !c.keeps(i) || !c.reserve(i, 0) {
			return false
		}
		if attempts != nil {
			attempts.Note(endpoint.Sticky)
			attempts.Begin(c.members[i].Endpoint)
		}
		return true
	}
	if home := table.find(of.home); p.Return && of.home != "" && take(home) {
		return pool[home]
	}
	i := table.find(of.token)
	switch {
	case i < 0:
	case take(i):
		return pool[i]
	case !attempts.Tried(c.members[i].Endpoint) && pool[i].Healthy():
		attempts.Note(endpoint.Overflow)
	default:
		attempts.NoteMove()
	}
	return nil
}

// lists is where the endpoints of tokens are looked up.
type lists interface {
	tokens
	// locate returns the address of a token's endpoint, "" if there is none, and whether it keeps
	// its sessions.
	locate(token string) (address string, e *endpoint.Endpoint, keeps bool)
	// tokenOf returns the token of an address, "" if it has none.
	tokenOf(address string) string
}

// listsFor returns where the tokens of a request belong, nil if the keys are not known.
func (p *Sticky) listsFor(pool reverseproxy.UpstreamPool, r *http.Request) lists {
	if r == nil || p.keysFor(r) == nil {
		return nil
	}
	if p.pool != nil {
		return rosterLists{p.pool, r}
	}
	b := p.view(pool).prepared()[0]
	return upstreamLists{b.picker.(*residents), pool, b.Members}
}

// rosterLists looks tokens up in the list of a pool.
type rosterLists struct {
	*stickyPicker
	request *http.Request
}

func (l rosterLists) locate(token string) (address string, e *endpoint.Endpoint, keeps bool) {
	m := l.find(l.request, token)
	if m == nil {
		return "", nil, false
	}
	return m.Address(), m.Endpoint, l.roster.Snapshot().Keeps(m)
}

func (l rosterLists) tokenOf(address string) string {
	for _, newest := range []bool{false, true} {
		if t := l.tableFor(l.request, newest); t != nil && t.tokens[address] != "" {
			return t.tokens[address]
		}
	}
	return ""
}

// upstreamLists looks tokens up in a list of upstreams.
type upstreamLists struct {
	*residents
	pool    reverseproxy.UpstreamPool
	members []endpoint.Member
}

func (l upstreamLists) locate(token string) (address string, e *endpoint.Endpoint, keeps bool) {
	i := l.find(token)
	if i < 0 {
		return "", nil, false
	}
	return l.pool[i].Dial, l.members[i].Endpoint, l.pool[i].Healthy()
}

func (l upstreamLists) tokenOf(address string) string { return l.tokens[address] }

// remember makes the client have its session if that has begun, moved or come home, or has to be
// renewed. That holds as soon as the endpoint answers.
func (p *Sticky) remember(
	w http.ResponseWriter, r *http.Request, l lists, address string, attempts *attempt.RequestAttempts,
) {
	p.carrier.takeBack(w)
	if l == nil {
		return
	}
	now := p.now()
	r = attempts.Original(r)
	of, known := p.read(r, now, false, l)
	next := of
	if next.token = l.tokenOf(address); next.token == "" {
		return
	}
	stays := known && next.token == of.token && of.home == ""
	changed := !known || !stays && p.move(&next, of, l, address, attempts)
	if due := p.carrier.renew(&next, now); !changed && !due {
		return
	}
	if c := p.carrier.change(w, r, next, now); c != nil && !attempts.Await(address, c) {
		c.Commit()
	}
}

// move sets where a session is and where it goes back to, and reports whether that has changed.
func (p *Sticky) move(
	next *session, of session, l lists, address string, attempts *attempt.RequestAttempts,
) (changed bool) {
	at, e, keeps := l.locate(of.token)
	home, _, _ := l.locate(of.home)
	switch {
	case address == home:
		next.home = ""
	case address == at:
	case e != nil && keeps && !attempts.Tried(e):
		next.token = of.token // the endpoint is full, and keeps the session
	case p.Return && next.home == "":
		next.home = of.token
	}
	if !p.Return {
		next.home = ""
	}
	return *next != of
}
