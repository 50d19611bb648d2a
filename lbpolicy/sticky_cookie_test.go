package lbpolicy

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

func TestTheCookieHasTheAttributesOfItsSettings(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	for _, c := range []struct {
		settings StickyCookie
		https    bool
		want     string
	}{
		{StickyCookie{}, false, "lb=" + aToken + "; Path=/; HttpOnly; SameSite=Lax"},
		{StickyCookie{}, true, "lb=" + aToken + "; Path=/; HttpOnly; Secure; SameSite=Lax"},
		{StickyCookie{Readable: true}, false, "lb=" + aToken + "; Path=/; SameSite=Lax"},
		{StickyCookie{Secure: "off"}, true, "lb=" + aToken + "; Path=/; HttpOnly; SameSite=Lax"},
		{StickyCookie{Secure: "on", SameSite: "strict"}, false, "lb=" + aToken + "; Path=/; HttpOnly; Secure; SameSite=Strict"},
		{StickyCookie{Name: "__Host-lb"}, false, "__Host-lb=" + aToken + "; Path=/; HttpOnly; Secure; SameSite=Lax"},
		{StickyCookie{Name: "__Secure-lb"}, false, "__Secure-lb=" + aToken + "; Path=/; HttpOnly; Secure; SameSite=Lax"},
		{StickyCookie{SameSite: "none"}, false, "lb=" + aToken + "; Path=/; HttpOnly; Secure; SameSite=None"},
		{
			StickyCookie{Name: "s", Path: "/app", Domain: "example.com", Partitioned: true, MaxAge: 3600e9}, false,
			"s=" + aToken + "; Path=/app; Domain=example.com; Max-Age=3600; HttpOnly; Secure; SameSite=Lax; Partitioned",
		},
	} {
		if err := c.settings.check(); err != nil {
			t.Fatal(err)
		}
		r, w := httptest.NewRequest(http.MethodGet, "/", nil), httptest.NewRecorder()
		if c.https {
			r.TLS = new(tls.ConnectionState)
		}
		s := session{token: aToken}
		c.settings.renew(&s, now)
		c.settings.write(w, r, s, now)
		if got := w.Header().Get("Set-Cookie"); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}
