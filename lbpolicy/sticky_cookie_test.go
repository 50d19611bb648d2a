package lbpolicy

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
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
		c.settings.change(w, r, s, now).Commit()
		if got := w.Header().Get("Set-Cookie"); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

func TestAForeignCookieOfTheSameNameHidesNoSession(t *testing.T) {
	const settings = `{"policy":"sticky","cookie":{"name":"lb"},"keys":["0123456789abcdef"],"return":true}`
	of := func(id string) string { return token([]byte("0123456789abcdef"), id) }
	foreign := token([]byte("another key of another proxy"), "a")
	for name, value := range map[string]string{
		"in front":          "lb=" + foreign + "; lb=" + of("b:1"),
		"behind":            "lb=" + of("b:1") + "; lb=" + foreign,
		"several":           "lb=" + foreign + "; lb=" + foreign + "; lb=x; lb=" + of("b:1") + "; lb=" + foreign,
		"away from home":    "lb=" + foreign + "; lb=" + of("gone") + "." + of("b:1"),
		"in another format": "lb=1234; lb=" + of("b:1"),
	} {
		static := newHostWith(t, settings, "a:1 b:1 c:1")
		pooled := newHostWith(t, settings, "")
		roster := checkedPool(t)
		infos := weighted(t, 1, 1, 1)
		for i := range infos {
			infos[i].ID = string(rune('a'+i)) + ":1"
		}
		roster.Replace(infos)
		p := pooled.policy.NewPicker(roster, nil)
		for range 10 {
			r, end := request(t, "/")
			r.Header.Set("Cookie", value)
			w := httptest.NewRecorder()
			if u := static.policy.Select(static.Upstreams, r, w); u.Dial != "b:1" {
				t.Errorf("%s: the session of b is at the upstream %s", name, u.Dial)
			}
			if set := w.Header().Get("Set-Cookie"); set != "" && name != "away from home" {
				t.Errorf("%s: the client gets the cookie %s, though it has that", name, set)
			}
			end()
			r, end = request(t, "/")
			r.Header.Set("Cookie", value)
			if e, _ := p.Pick(r); e.Address() != infos[1].Address {
				t.Errorf("%s: the session of b is at the endpoint %s", name, e.Address())
			}
			if e := p.(endpoint.Explainer).Explain(r); e.Picked != infos[1].Address {
				t.Errorf("%s: it says %s", name, e.Picked)
			}
			end()
		}
		p.Stop()
	}
}
