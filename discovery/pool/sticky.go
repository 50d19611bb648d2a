package pool

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net"
	"net/http"
	"reflect"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
	"github.com/cespare/xxhash/v2"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// Some of Caddy's policies keep a client or a request at one upstream of a list. A pool lists one
// band of its endpoints for each request. If it drew the band at random, these policies would keep
// nothing. Therefore the pool draws it by what the policy goes by.

// bandChooser returns the index of the band for a request, or -1 if the request does not say.
type bandChooser func(r *http.Request, s *endpoint.Snapshot, usable func(*endpoint.Member) bool) (band int)

// stickyPolicies are Caddy's policies that keep something, with how they choose a band by their
// settings.
var stickyPolicies = map[reflect.Type]func(settings reflect.Value) bandChooser{
	reflect.TypeFor[*reverseproxy.IPHashSelection]():       func(reflect.Value) bandChooser { return byKey(remoteIP) },
	reflect.TypeFor[*reverseproxy.ClientIPHashSelection](): func(reflect.Value) bandChooser { return byKey(clientIP) },
	reflect.TypeFor[*reverseproxy.URIHashSelection](): func(reflect.Value) bandChooser {
		return byKey(func(r *http.Request) string { return r.RequestURI })
	},
	reflect.TypeFor[*reverseproxy.QueryHashSelection](): func(settings reflect.Value) bandChooser {
		key := settings.FieldByName("Key").String()
		return byKey(func(r *http.Request) string { return strings.Join(r.URL.Query()[key], ",") })
	},
	reflect.TypeFor[*reverseproxy.HeaderHashSelection](): func(settings reflect.Value) bandChooser {
		field := settings.FieldByName("Field").String()
		return byKey(func(r *http.Request) string { return header(r, field) })
	},
	reflect.TypeFor[*reverseproxy.CookieHashSelection](): func(settings reflect.Value) bandChooser {
		return byCookie(settings.FieldByName("Name").String(), settings.FieldByName("Secret").String())
	},
}

// bandChoosersFor returns how to choose the band for requests of a policy: the policy's own way,
// and those of its fallbacks.
func bandChoosersFor(policy any) (all []bandChooser) {
	if p, ok := policy.(interface{ Fallback() any }); ok {
		policy = p.Fallback() // this project's policies only leave the requests of their fallback to the list
	}
	// Caddy discards the config of a fallback that it has loaded, and keeps the fallback in a field
	// that only reflection reads.
	for v := reflect.ValueOf(policy); v.IsValid(); {
		chooser, ok := stickyPolicies[v.Type()]
		if !ok {
			break
		}
		all = append(all, chooser(v.Elem()))
		if v = v.Elem().FieldByName("fallback"); v.IsValid() {
			v = v.Elem()
		}
	}
	return all
}

// byKey draws the band by a hash of a key, as long as the request has one.
func byKey(keyOf func(*http.Request) string) bandChooser {
	return func(r *http.Request, s *endpoint.Snapshot, _ func(*endpoint.Member) bool) int {
		key := keyOf(r)
		if key == "" {
			return -1
		}
		return s.Draw(float64(xxhash.Sum64String(key)>>11) / (1 << 53))
	}
}

// byCookie chooses the band of the endpoint that the cookie names, as long as that is usable. The
// endpoint may have a lower priority or be in another zone than new clients get: a session that
// began there stays there.
func byCookie(name, secret string) bandChooser {
	return func(r *http.Request, s *endpoint.Snapshot, usable func(*endpoint.Member) bool) int {
		cookie, err := r.Cookie(name)
		if err != nil {
			return -1
		}
		named, err := hex.DecodeString(cookie.Value)
		if err != nil || len(named) != sha256.Size {
			return -1
		}
		mac := hmac.New(sha256.New, []byte(secret))
		var sum [sha256.Size]byte
		for band := range s.Bands {
			for i := range s.Bands[band].Members {
				m := &s.Bands[band].Members[i]
				mac.Reset()
				mac.Write([]byte(m.Address()))
				if hmac.Equal(mac.Sum(sum[:0]), named) && usable(m) {
					return band
				}
			}
		}
		return -1
	}
}

func remoteIP(r *http.Request) string { return withoutPort(r.RemoteAddr) }

func clientIP(r *http.Request) string {
	address, _ := caddyhttp.GetVar(r.Context(), caddyhttp.ClientIPVarKey).(string)
	return withoutPort(address)
}

func withoutPort(address string) string {
	if host, _, err := net.SplitHostPort(address); err == nil {
		return host
	}
	return address
}

// header returns a field of the request's header. net/http keeps the field Host elsewhere.
func header(r *http.Request, field string) string {
	if field == "Host" && r.Host != "" {
		return r.Host
	}
	return r.Header.Get(field)
}
