package status

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/netip"

	"github.com/caddyserver/caddy/v2"
	"github.com/cespare/xxhash/v2"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// identityOf returns the remote identity of a request: the user that a site has authenticated, the
// subject of its client certificate, or where it is from.
func identityOf(r *http.Request) string {
	if user := userOf(r); user != "" {
		return user
	}
	if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
		if subject := r.TLS.PeerCertificates[0].Subject.String(); subject != "" {
			return subject
		}
		return fmt.Sprintf("certificate %x", r.TLS.PeerCertificates[0].SerialNumber)
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return "a unix socket"
	}
	if address, err := netip.ParseAddr(host); err == nil {
		return address.Unmap().String()
	}
	return host
}

// userOf returns the user that a handler of the site has authenticated; empty at the admin
// endpoint.
func userOf(r *http.Request) string {
	replacer, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	if !ok {
		return ""
	}
	user, _ := replacer.GetString("http.auth.user.id")
	return user
}

// etagOf returns the entity tag of what operators may change of a member, in the form that Caddy's
// config API uses.
func etagOf(r *http.Request, m *endpoint.Member) string {
	data, _ := json.Marshal(m.Override()) // it has no type that fails
	return fmt.Sprintf("%q", fmt.Sprintf("%s %x", endpointPath(r), xxhash.Sum64(data)))
}

// endpointPath returns the path of the endpoint that a request is about.
func endpointPath(r *http.Request) string {
	return "/pools/" + r.PathValue("pool") + "/endpoints/" + r.PathValue("id")
}

// checkMatch refuses a request that was made for another state than the present one.
func checkMatch(r *http.Request, etag string) error {
	if want := r.Header.Get("If-Match"); want != "" && want != "*" && want != etag {
		return refuse(http.StatusPreconditionFailed,
			fmt.Errorf("If-Match: the override has changed meanwhile; its entity tag is %s now", etag))
	}
	return nil
}
