package lbpolicy

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/cespare/xxhash/v2"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/internal/attempt"
)

// SplitSticky says what keeps a client in its group: a cookie that the proxy sets, or a text that
// the request brings, which is hashed. There can be only one.
type SplitSticky struct {
	// The cookie that keeps a client in its group. It has the client's place among all clients, so
	// that the client moves only when a changed share passes that place. `name` is required, and
	// there is no `idle`. Default: none.
	Cookie *StickyCookie `json:"cookie,omitempty"`

	// The text that is hashed, with one [placeholder](/docs/conventions#placeholders) or more, such
	// as `{http.request.header.X-User}`. Clients with an equal text are in the same group, at every
	// proxy with the same groups and the same name of the pool. Requests whose text is empty take
	// turns. Default: none.
	Key string `json:"key,omitempty"`

	key   requestText
	salt  uint64 // so that it is not always the same clients that get what is new
	check *keyCheck
}

// stickyOption reads `sticky cookie|header|key ...`.
func stickyOption(into **SplitSticky) caddyfile.Param {
	s, cookie := new(SplitSticky), new(StickyCookie)
	key := func(kind, expected, format string) caddyfile.Param {
		return caddyfile.Func(kind, expected, func(text string) bool {
			s.Key = fmt.Sprintf(format, text)
			*into = s
			return text != ""
		})
	}
	name := caddyfile.Func("name", "the name of the cookie", func(text string) bool {
		cookie.Name, s.Cookie, *into = text, cookie, s
		return text != ""
	})
	return caddyfile.OneOf("sticky",
		caddyfile.Line("cookie", name, caddyfile.Block(cookie.attributes()...)),
		key("header", "the name of a header field", "{http.request.header.%s}"),
		key("key", "text with a placeholder", "%s"),
	)
}

// attributes are the options of a cookie apart from its name, for one that has no idle time.
func (c *StickyCookie) attributes() (all []caddyfile.Param) {
	return []caddyfile.Param{
		caddyfile.String("path", &c.Path),
		caddyfile.String("domain", &c.Domain),
		caddyfile.DurationFrom("max_age", &c.MaxAge, time.Second),
		caddyfile.String("same_site", &c.SameSite),
		caddyfile.String("secure", &c.Secure),
		caddyfile.Flag("readable", &c.Readable),
		caddyfile.Flag("partitioned", &c.Partitioned),
	}
}

// provision checks the settings.
func (s *SplitSticky) provision(ctx caddy.Context) error {
	switch {
	case s.Cookie != nil && s.Key != "":
		return errors.New("cookie and key are set; expected one of them")
	case s.Cookie == nil && s.Key == "":
		return errors.New("neither cookie nor key is set; expected one of them")
	case s.Cookie == nil:
		return s.provisionKey(ctx)
	case s.Cookie.Name == "":
		return errors.New("cookie: name: is empty")
	}
	if err := s.Cookie.check(); err != nil {
		return fmt.Errorf("cookie: %w", err)
	}
	if s.Cookie.isTimed() {
		return errors.New("cookie: idle: a client stays in its group; expected max_age")
	}
	return nil
}

func (s *SplitSticky) provisionKey(ctx caddy.Context) error {
	if len(placeholdersOf(s.Key)) == 0 {
		return fmt.Errorf("key: %q has no placeholder, so all requests would be in one group; expected %s",
			s.Key, insteadOf(s.Key))
	}
	if err := cmp.Or(checkNetworks(s.Key), checkNames(s.Key)); err != nil {
		return fmt.Errorf("key: %w", err)
	}
	s.key, s.check = newRequestText(s.Key), newKeyCheck(s.Key, ctx.Logger())
	return nil
}

// slot returns the slot that a request brings, false if it brings none.
func (s *SplitSticky) slot(r *http.Request) (slot int, ok bool) {
	if s.Cookie == nil {
		key := s.key.of(r)
		return slotOfKey(key, s.salt), key != ""
	}
	for cookies := cookiesOf(r); cookies.next(s.Cookie.name); {
		if slot, ok := parseSlot(cookies.value); ok {
			return slot, true
		}
	}
	return 0, false
}

// slotOfKey hashes a key to a slot. The hash is mixed with the salt, so that the group does not
// depend on the endpoint to which a policy hashes the same key.
func slotOfKey(key string, salt uint64) int {
	place := float64(mix(xxhash.Sum64String(key)^salt)>>11) / (1 << 53)
	return int(place * wholeShare)
}

// parseSlot reads the value of the cookie. What is no slot makes its client a newcomer.
func parseSlot(value string) (slot int, ok bool) {
	if value == "" || len(value) > 4 || value[0] == '0' && value != "0" {
		return 0, false
	}
	for _, digit := range []byte(value) {
		if digit < '0' || digit > '9' {
			return 0, false
		}
		slot = 10*slot + int(digit-'0')
	}
	return slot, true // 9999 is the last one
}

// seeKey says once in the log if the key is empty for all requests.
func (s *SplitSticky) seeKey(r *http.Request) {
	if s.check != nil {
		s.check.see(r)
	}
}

// remember sets the cookie if the slot was drawn for the request. It takes back what an earlier
// attempt has set.
func (s *SplitSticky) remember(w http.ResponseWriter, r *http.Request, a *attempt.Assignment) {
	if s.Cookie == nil || w == nil || a == nil || !a.Drawn {
		return
	}
	s.Cookie.takeBack(w)
	s.Cookie.change(w, r, session{token: strconv.Itoa(int(a.Slot))}, time.Now()).Commit()
}
