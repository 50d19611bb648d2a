package lbpolicy

import (
	"net/http"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// requestFrom is a request of a client.
func requestFrom(t *testing.T, clientIP string) *http.Request {
	r, end := request(t, "/a")
	t.Cleanup(end)
	caddyhttp.SetVar(r.Context(), caddyhttp.ClientIPVarKey, clientIP)
	return r
}

func TestTheAddressOfAClientIsShortenedToItsNetwork(t *testing.T) {
	for key, want := range map[string][3]string{
		"{client_ip/24,64}":                        {"192.0.2.0/24", "2001:db8:1:2::/64", "192.0.2.0/24"},
		"{http.vars.client_ip/64}":                 {"192.0.2.77/32", "2001:db8:1:2::/64", "192.0.2.77/32"},
		"{client_ip/16}":                           {"192.0.0.0/16", "2001:db8:1:2:3:4:5:6/128", "192.0.0.0/16"},
		"{http.request.uri.path} {client_ip/64} x": {"/a 192.0.2.77/32 x", "/a 2001:db8:1:2::/64 x", "/a 192.0.2.77/32 x"},
	} {
		text := newRequestText(key)
		for i, address := range []string{"192.0.2.77", "2001:db8:1:2:3:4:5:6", "::ffff:192.0.2.77"} {
			if got := text.of(requestFrom(t, address)); got != want[i] {
				t.Errorf("%s of %s is %s, want %s", key, address, got, want[i])
			}
		}
	}
	text := newRequestText("{client_ip/64}")
	for address, want := range map[string]string{"": "", "@": "@", "fe80::1%eth0": "fe80::/64"} {
		if got := text.of(requestFrom(t, address)); got != want {
			t.Errorf("the network of %q is %q, want %q", address, got, want)
		}
	}
}

func TestALengthThatNoNetworkHasIsRefused(t *testing.T) {
	for _, bits := range []string{"", "0", "129", "x", "24,", "33,64", "24,129", "24,64,1", "-1", "24 ,64"} {
		if err := checkNetworks("{client_ip/" + bits + "}"); err == nil {
			t.Errorf("/%s is accepted", bits)
		}
	}
}
