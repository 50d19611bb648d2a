package lbpolicy

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/internal/attempt"
	"github.com/caddy-balance/caddy-balance/internal/options"
)

// StickyRoute keeps sessions by the route that an application server appends to the number of a
// session, as Tomcat does with `jvmRoute`: `JSESSIONID=4f2a.web-7` belongs to the endpoint with the
// ID `web-7`. The proxy remembers nothing. A route that no endpoint has makes a newcomer, and
// clients can choose their endpoint.
type StickyRoute struct {
	// The name of the application's session cookie. Required.
	Cookie string `json:"cookie"`

	// The name of the parameter in the path that has the session of clients without cookies, such
	// as `jsessionid` in `/cart;jsessionid=4f2a.web-7`. A cookie with a route comes first, as it
	// does in application servers. Default: none.
	Path string `json:"path,omitempty"`
}

// UnmarshalJSON refuses unknown fields.
func (c *StickyRoute) UnmarshalJSON(data []byte) error {
	type fields StickyRoute
	return options.Decode(data, (*fields)(c))
}

func (c *StickyRoute) options() []caddyfile.Param {
	return []caddyfile.Param{
		caddyfile.String("cookie", &c.Cookie),
		caddyfile.Optional(caddyfile.String("path parameter", &c.Path)),
	}
}

func (c *StickyRoute) check() error {
	if err := checkCookieName(c.Cookie); err != nil {
		return fmt.Errorf("cookie: %w", err)
	}
	if err := checkPathParameter(c.Path); err != nil {
		return fmt.Errorf("path: %w", err)
	}
	return nil
}

// read returns the text that ends with the route. Whether an endpoint has that is found out later.
func (c *StickyRoute) read(r *http.Request, _ time.Time, _ bool) (s session, ok bool) {
	s.token = c.cookieOf(r)
	if c.Path != "" && r != nil && !hasRoute(s.token) {
		if inPath := pathValue(r.URL.Path, c.Path); inPath != "" {
			s.token = inPath
		}
	}
	return s, s.token != ""
}

// cookieOf returns the first cookie with a route, or else the first one. A browser sends several if
// their paths differ, and another application may have made one of them.
func (c *StickyRoute) cookieOf(r *http.Request) (value string) {
	for cookies := cookiesOf(r); cookies.next(c.Cookie); {
		if value == "" || hasRoute(cookies.value) {
			value = cookies.value
		}
		if hasRoute(value) {
			break
		}
	}
	return value
}

func hasRoute(session string) bool { return strings.Contains(session, ".") }

func (*StickyRoute) handsOut() bool                       { return false }
func (*StickyRoute) isTimed() bool                        { return false }
func (*StickyRoute) renew(*session, time.Time) (due bool) { return false }
func (*StickyRoute) takeBack(http.ResponseWriter)         {}

// change returns nil, because the application says where a session is.
func (*StickyRoute) change(http.ResponseWriter, *http.Request, session, time.Time) attempt.Change {
	return nil
}

// carriesRoutes reports whether requests name their endpoint.
func (p *Sticky) carriesRoutes() bool {
	if p.Route != nil {
		return true
	}
	v, ok := p.carrier.(*StickyValue)
	return ok && v.kind == route
}
