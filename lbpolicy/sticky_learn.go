package lbpolicy

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/internal/attempt"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/options"
)

// StickyLearn keeps sessions by a cookie of the application, such as `JSESSIONID` or `PHPSESSID`.
// The proxy remembers which endpoint has set which value, so clients get no further cookie. A value
// that it does not know, as after a restart, is remembered at the endpoint that gets its next
// request. The proxy keeps hashes, not the values.
type StickyLearn struct {
	// The name of the application's cookie. Required.
	Cookie string `json:"cookie"`

	StickyMemory
}

// UnmarshalJSON refuses zeros that would become defaults.
func (c *StickyLearn) UnmarshalJSON(data []byte) error {
	type fields StickyLearn
	return options.Decode(data, (*fields)(c), "ttl", "size")
}

func (c *StickyLearn) options() []caddyfile.Param {
	return []caddyfile.Param{caddyfile.String("cookie", &c.Cookie), caddyfile.Block(c.StickyMemory.options()...)}
}

func (c *StickyLearn) check() error {
	if err := c.StickyMemory.check(); err != nil {
		return err
	}
	if err := checkCookieName(c.Cookie); err != nil {
		return fmt.Errorf("cookie: %w", err)
	}
	return nil
}

// read returns the session of the first cookie of the name that has one. A browser sends several if
// their paths differ.
func (c *StickyLearn) read(r *http.Request, now time.Time, seen bool) (s session, ok bool) {
	for cookies := cookiesOf(r); cookies.next(c.Cookie); {
		if s, ok = c.get(c.table.keyOf(cookies.value), now, seen); ok {
			return s, true
		}
	}
	return s, false
}

// change remembers a session that has moved, or a value that the proxy does not know.
func (c *StickyLearn) change(_ http.ResponseWriter, r *http.Request, s session, now time.Time) attempt.Change {
	var keys []sessionKey
	for cookies := cookiesOf(r); cookies.next(c.Cookie); {
		keys = append(keys, c.table.keyOf(cookies.value))
	}
	if len(keys) == 0 {
		return nil // the answer may begin one
	}
	return c.put(s, now, keys...)
}

// learn remembers which endpoint has set a cookie.
func (p *Sticky) learn(e *endpoint.Endpoint, answer *http.Response) {
	for _, line := range answer.Header["Set-Cookie"] {
		pair, _, _ := strings.Cut(line, ";")
		if name, value := cookiePair(pair); name == p.Learn.Cookie && value != "" {
			p.Learn.add(p.Learn.table.keyOf(value), session{token: p.idOf(e.Address())}, time.Now())
		}
	}
}

// idOf returns the ID of an upstream.
func (p *Sticky) idOf(address string) string {
	for _, r := range p.transport.Rosters() {
		if m := r.Snapshot().Find(address); m != nil {
			return m.Info.Key()
		}
	}
	return address
}
