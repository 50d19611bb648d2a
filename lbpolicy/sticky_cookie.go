package lbpolicy

import (
	"cmp"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/cespare/xxhash/v2"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/internal/attempt"
	"github.com/caddy-balance/caddy-balance/internal/options"
)

// StickyCookie is the cookie that keeps sessions. It names the endpoint by a keyed hash of its ID
// or address, which tells the client nothing.
type StickyCookie struct {
	// The name of the cookie. Reverse proxies of one site with different endpoints need different
	// names. The prefixes `__Host-` and `__Secure-` make the cookie secure. Default: `lb`, and in a
	// pool `lb-` with a hash of the pool's name.
	Name string `json:"name,omitempty"`

	// The path that the cookie is sent for. Default: `/`.
	Path string `json:"path,omitempty"`

	// The domain that the cookie is sent to, with its subdomains. Default: the host of the request
	// alone.
	Domain string `json:"domain,omitempty"`

	// The maximum age of a session. After it, the client is a newcomer. Default: until the browser
	// is closed.
	MaxAge caddy.Duration `json:"max_age,omitempty"`

	// The maximum time without a request, after which a session ends. The cookie is then set again
	// when an eighth of this time is over, so a session may last up to an eighth longer. Default:
	// no limit.
	Idle caddy.Duration `json:"idle,omitempty"`

	// Which requests from other sites carry the cookie: `strict`, `lax` or `none`. `none` needs
	// `secure`. Default: `lax`.
	SameSite string `json:"same_site,omitempty"`

	// Whether the cookie is sent over HTTPS only: `on`, `off` or `auto`, which is `on` for clients
	// that use HTTPS, also at a trusted proxy. Default: `auto`.
	Secure string `json:"secure,omitempty"`

	// Whether scripts of the page can read the cookie. Default: false.
	Readable bool `json:"readable,omitempty"`

	// Whether the browser keeps a cookie for each site that embeds this one (CHIPS). It needs
	// `secure`. Default: false.
	Partitioned bool `json:"partitioned,omitempty"`

	lifetime  lifetime
	sameSite  http.SameSite
	name      string // in effect
	proofKeys func(*http.Request) []proofKey
}

// UnmarshalJSON refuses zeros that would become defaults.
func (c *StickyCookie) UnmarshalJSON(data []byte) error {
	type fields StickyCookie
	return options.Decode(data, (*fields)(c), "max_age", "idle")
}

func (c *StickyCookie) options() []caddyfile.Param {
	return []caddyfile.Param{
		caddyfile.String("name", &c.Name),
		caddyfile.String("path", &c.Path),
		caddyfile.String("domain", &c.Domain),
		caddyfile.DurationFrom("max_age", &c.MaxAge, time.Second),
		caddyfile.DurationFrom("idle", &c.Idle, time.Second),
		caddyfile.String("same_site", &c.SameSite),
		caddyfile.String("secure", &c.Secure),
		caddyfile.Flag("readable", &c.Readable),
		caddyfile.Flag("partitioned", &c.Partitioned),
	}
}

// defaultCookie is the name of the cookie for static upstreams.
const defaultCookie = "lb"

// nameFor sets the default name of the cookie for a pool. Several pools of one site then do not
// overwrite one another's cookies.
func (c *StickyCookie) nameFor(pool string) {
	if c.Name == "" {
		c.name = fmt.Sprintf("%s-%08x", defaultCookie, uint32(xxhash.Sum64String(pool)))
	}
}

var sameSites = map[string]http.SameSite{
	"": http.SameSiteLaxMode, "lax": http.SameSiteLaxMode,
	"strict": http.SameSiteStrictMode, "none": http.SameSiteNoneMode,
}

// check checks the settings, and sets defaults.
func (c *StickyCookie) check() (err error) {
	for name, d := range map[string]caddy.Duration{"max_age": c.MaxAge, "idle": c.Idle} {
		if err := options.AtLeastOrZero(name, d, time.Second); err != nil {
			return err
		}
	}
	c.lifetime = lifetime{idle: time.Duration(c.Idle), age: time.Duration(c.MaxAge)}
	var known bool
	if c.sameSite, known = sameSites[c.SameSite]; !known {
		return fmt.Errorf("same_site: '%s' is not strict, lax or none", c.SameSite)
	}
	switch c.Secure {
	case "", "auto", "on":
	case "off":
		if c.SameSite == "none" || c.Partitioned {
			return fmt.Errorf("secure: is off, but browsers refuse such a cookie with same_site none or partitioned")
		}
	default:
		return fmt.Errorf("secure: '%s' is not on, off or auto", c.Secure)
	}
	c.Path, c.name = cmp.Or(c.Path, "/"), cmp.Or(c.Name, defaultCookie)
	if err := checkCookieName(c.name); err != nil {
		return fmt.Errorf("name: %w", err)
	}
	if !strings.HasPrefix(c.Path, "/") {
		return fmt.Errorf("path: '%s' does not begin with a slash, and browsers ignore it; "+
			"expected a path such as /app", c.Path)
	}
	if err := c.checkPrefix(); err != nil {
		return err
	}
	sample := http.Cookie{Name: c.name, Value: "x", Path: c.Path, Domain: c.Domain}
	if err := sample.Valid(); err != nil {
		return fmt.Errorf("path or domain: %w", err)
	}
	return nil
}

// checkPrefix refuses what browsers do not allow for a cookie whose name has a prefix (RFC 6265bis,
// section 4.1.3).
func (c *StickyCookie) checkPrefix() error {
	isHost := hasPrefixFold(c.name, hostPrefix)
	switch {
	case !isHost && !hasPrefixFold(c.name, securePrefix):
		return nil
	case c.Secure == "off":
		return fmt.Errorf("secure: is off, but browsers refuse such a cookie with the name %s", c.name)
	case isHost && c.Path != "/":
		return fmt.Errorf("path: is '%s', but browsers refuse such a cookie with the name %s; expected /",
			c.Path, c.name)
	case isHost && c.Domain != "":
		return fmt.Errorf("domain: is '%s', but browsers refuse such a cookie with the name %s; expected none",
			c.Domain, c.name)
	}
	return nil
}

const (
	hostPrefix   = "__Host-"
	securePrefix = "__Secure-"
)

func hasPrefixFold(text, prefix string) bool {
	return len(text) >= len(prefix) && strings.EqualFold(text[:len(prefix)], prefix)
}

func (*StickyCookie) handsOut() bool  { return true }
func (c *StickyCookie) isTimed() bool { return c.lifetime.idle > 0 }

// read returns the session of a request. What is wrong with a cookie makes its client a newcomer.
func (c *StickyCookie) read(r *http.Request, now time.Time, _ bool) (s session, ok bool) {
	return c.readIn(r, now, nil)
}

// readIn is read, and prefers a session of a list to one that is foreign. A browser sends several
// cookies of one name if a proxy of a parent domain, or of another path, sets one too.
func (c *StickyCookie) readIn(r *http.Request, now time.Time, list tokens) (s session, ok bool) {
	for cookies := cookiesOf(r); cookies.next(c.name); {
		next, proof, valid := parseSession(cookies.value)
		switch {
		case !valid || c.lifetime.over(next, now):
		case c.isTimed() && !c.isProven(r, cookies.value, next, proof):
		case !ok:
			s, ok = next, true
		case list == nil || list.knows(r, s):
			return s, true
		case list.knows(r, next):
			return next, true
		}
	}
	return s, ok
}

// renew sets the times of a session, and reports whether the client has to learn them.
func (c *StickyCookie) renew(s *session, now time.Time) (due bool) {
	due = c.lifetime.due(*s, now)
	c.lifetime.stamp(s, now)
	return due
}

// change returns the cookie for the answer to a request.
func (c *StickyCookie) change(w http.ResponseWriter, r *http.Request, s session, now time.Time) attempt.Change {
	cookie := &http.Cookie{
		Name: c.name, Value: c.valueOf(r, s), Path: c.Path, Domain: c.Domain, MaxAge: c.lifetime.maxAge(s, now),
		HttpOnly: !c.Readable, SameSite: c.sameSite, Partitioned: c.Partitioned,
		Secure: c.Secure == "on" || c.sameSite == http.SameSiteNoneMode || c.Partitioned ||
			hasPrefixFold(c.name, hostPrefix) || hasPrefixFold(c.name, securePrefix),
	}
	if c.Secure != "off" && isHTTPS(r) {
		cookie.Secure = true
	}
	return &answerField{c, w, "Set-Cookie", cookie.String()}
}

// isHTTPS reports whether the client uses HTTPS, which a trusted proxy may have ended.
func isHTTPS(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	trusted, _ := caddyhttp.GetVar(r.Context(), caddyhttp.TrustedProxyVarKey).(bool)
	proto, _, _ := strings.Cut(r.Header.Get("X-Forwarded-Proto"), ",")
	return trusted && strings.EqualFold(strings.TrimSpace(proto), "https")
}

// takeBack removes the cookie from an answer.
func (c *StickyCookie) takeBack(w http.ResponseWriter) {
	lines := w.Header()["Set-Cookie"]
	if len(lines) == 0 {
		return
	}
	kept := lines[:0]
	for _, line := range lines {
		if !strings.HasPrefix(line, c.name+"=") {
			kept = append(kept, line)
		}
	}
	if len(kept) == 0 {
		w.Header().Del("Set-Cookie")
		return
	}
	w.Header()["Set-Cookie"] = kept
}
