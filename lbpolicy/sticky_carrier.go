package lbpolicy

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-balance/caddy-balance/internal/attempt"
)

// carrier brings the session of a client back to the proxy.
type carrier interface {
	// check checks the settings, and sets defaults.
	check() error
	// handsOut reports whether clients see what stands for an endpoint.
	handsOut() bool

	// isTimed reports whether sessions end by time. The others get no time, because the clock is a
	// quarter of the cost of a pick.
	isTimed() bool
	// read returns the session of a request. It outlives its idle time by that if seen is true.
	read(r *http.Request, now time.Time, seen bool) (s session, ok bool)
	// renew sets the times of a session, and reports whether it has to be written for that.
	renew(s *session, now time.Time) (due bool)
	// change returns what makes requests of the client have a session from now on, nil if nothing
	// does.
	change(w http.ResponseWriter, r *http.Request, s session, now time.Time) attempt.Change
	// takeBack removes from an answer what another handler of the same request has written.
	takeBack(w http.ResponseWriter)
}

// tokens is a list of endpoints that tokens belong to.
type tokens interface {
	// knows reports whether a session is at one of the endpoints, or goes back there.
	knows(r *http.Request, of session) bool
}

// read returns the session of a request, and prefers one of a list if the client brings several.
func (p *Sticky) read(r *http.Request, now time.Time, seen bool, list tokens) (s session, ok bool) {
	if p.Cookie != nil {
		return p.Cookie.readIn(r, now, list)
	}
	return p.carrier.read(r, now, seen)
}

// now returns the time, if sessions need it.
func (p *Sticky) now() (t time.Time) {
	if p.carrier.isTimed() {
		t = time.Now()
	}
	return t
}

// remembering is a carrier with sessions in a table of the proxy.
type remembering interface {
	// memory returns the table's settings, nil if the carrier has no table after all.
	memory() *StickyMemory
}

// provisionCarrier finds out which option keeps sessions, and connects it.
func (p *Sticky) provisionCarrier(log *zap.Logger) error {
	name, err := p.chooseCarrier()
	if err != nil {
		return err
	}
	if err := p.carrier.check(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if p.Cookie != nil {
		p.Cookie.proofKeys = p.proofKeys
	} else if p.Learn != nil {
		name += " " + p.Learn.Cookie
		p.transport.WatchAnswers(p.learn)
	} else if v, ok := p.carrier.(*StickyValue); ok {
		name += " " + v.Name
	}
	if c, ok := p.carrier.(remembering); ok && c.memory() != nil {
		owner := tableOwner{pool: p.poolName(), list: p.listName(), carrier: name, addresses: p.staticAddresses()}
		p.release = append(p.release, c.memory().acquire(owner, log))
	}
	return nil
}

// chooseCarrier sets the carrier, and returns the name of its option.
func (p *Sticky) chooseCarrier() (name string, err error) {
	use := func(option string, set bool, c carrier) {
		switch {
		case !set:
		case name == "":
			name, p.carrier = option, c
		case err == nil:
			err = fmt.Errorf("%s: %s is set too; expected one of them", option, name)
		}
	}
	use("cookie", p.Cookie != nil, p.Cookie)
	use("learn", p.Learn != nil, p.Learn)
	use("route", p.Route != nil, p.Route)
	use("header", p.Header != nil, p.Header.in(inHeader))
	use("query", p.Query != nil, p.Query.in(inQuery))
	use("path", p.Path != nil, p.Path.in(inPath))
	use("client_ip", p.ClientIP != nil, p.ClientIP)
	if name == "" {
		p.Cookie = new(StickyCookie)
		use("cookie", true, p.Cookie)
	}
	return name, err
}

// poolName returns the name of the pool that has the upstreams, "" if they are in no pool.
func (p *Sticky) poolName() string {
	pool, ok := strings.CutPrefix(p.listName(), "pool ")
	if !ok {
		return ""
	}
	return pool
}

// staticAddresses returns the addresses of the static upstreams.
func (p *Sticky) staticAddresses() (all []string) {
	if p.handler == nil {
		return nil
	}
	for _, u := range p.handler.Upstreams {
		all = append(all, u.Dial)
	}
	return all
}
