package status_test

import (
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

// remoteSites have a pool for which a client has permissions, and others for which it has none.
const remoteSites = `
http://web {
	bind unix/%[1]s
	reverse_proxy {
		dynamic pool web {
			source static 127.0.0.1:1 127.0.0.1:2
		}
	}
}
http://internal {
	bind unix/%[1]s
	reverse_proxy {
		dynamic pool web-internal {
			source registry
		}
	}
}
`

// permissions are what the client may do.
const permissions = `[
	{"paths": ["/pools/web"], "methods": ["GET", "PATCH", "PUT"]},
	{"paths": ["/pools/web/explain"], "methods": ["POST"]}
]`

// remoteAdmin is a client of the remote admin endpoint, with its certificate.
func remoteAdmin(address string, own ...tls.Certificate) admin {
	return admin{&http.Client{Timeout: time.Minute, Transport: &http.Transport{TLSClientConfig: &tls.Config{
		InsecureSkipVerify: true, ServerName: "caddy.internal", Certificates: own, //nolint:gosec // it is this process
	}}}}
}

// callAt sends a request to a whole URL. It follows no redirects.
func (a admin) callAt(t *testing.T, method, url, body string) (status int, text string) {
	t.Helper()
	request, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	response, err := a.Transport.RoundTrip(request)
	if err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(data)
}

// startRemote starts a Caddy with a remote admin endpoint, and returns its address.
func startRemote(t *testing.T, client *caddytest.Certificate) (address string) {
	t.Helper()
	c, address := caddytest.New(t), caddytest.FreeAddress(t)
	var config map[string]any
	if err := json.Unmarshal(c.Adapt(c.GlobalOptions("")+fmt.Sprintf(remoteSites, c.SiteSocket(0))), &config); err != nil {
		t.Fatal(err)
	}
	remote := fmt.Sprintf(`{"listen": %q, "access_control": [{"public_keys": [%q], "permissions": %s}]}`,
		address, base64.StdEncoding.EncodeToString(client.Pair.Certificate[0]), permissions)
	options := config["admin"].(map[string]any)
	options["remote"] = json.RawMessage(remote)
	options["identity"] = json.RawMessage(`{"identifiers": ["caddy.internal"], "issuers": [{"module": "internal"}]}`)
	text, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := caddy.Load(text, true); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Stop)
	anyone := remoteAdmin(address)
	caddytest.Eventually(t, patience, "it has its own certificate", func() bool {
		response, err := anyone.Get("https://" + address + "/")
		if err == nil {
			response.Body.Close()
		}
		return err == nil || strings.Contains(err.Error(), "certificate required")
	})
	return address
}

func TestARemoteClientMayDoWhatItsPermissionsSay(t *testing.T) {
	own, other := caddytest.NewCertificate(t), caddytest.NewCertificate(t)
	address := startRemote(t, own)
	client := remoteAdmin(address, own.Pair)
	caddytest.Eventually(t, patience, "the pool has its list", func() bool {
		status, _ := client.callAt(t, "GET", "https://"+address+"/pools/web/endpoints/127.0.0.1:1", "")
		return status == 200
	})
	const patch, register = `{"state": "drain", "force": true}`, `{"address": "127.0.0.1:9"}`
	for _, c := range []struct {
		method, path, body string
		status             int
	}{
		{"GET", "/pools/web", "", 200},
		{"GET", "/pools/web/history", "", 200},
		{"GET", "/pools/web/endpoints/127.0.0.1:1", "", 200},
		{"PATCH", "/pools/web/endpoints/127.0.0.1:1", patch, 200},
		{"POST", "/pools/web/explain", `{"uri": "/"}`, 200},

		// Other methods.
		{"DELETE", "/pools/web/endpoints/127.0.0.1:1/override", "", 403},
		{"POST", "/pools/web/rollback", `{"revision": 1}`, 403},
		{"POST", "/pools/web/endpoints/127.0.0.1:1/reset", "", 403},

		// Other pools, the list of all, and the rest of the admin API.
		{"GET", "/pools/web-internal", "", 403},
		{"GET", "/pools/web-internal/endpoints", "", 403},
		{"PUT", "/pools/web-internal/endpoints/x", register, 403},
		{"GET", "/pools/", "", 403},
		{"GET", "/config/", "", 403},

		// Paths that mean one pool to those who check permissions, and another one here.
		{"PUT", "/pools/web-internal/endpoints/..%2F..%2Fweb", register, 400},
		{"PUT", "/pools/web-internal/endpoints/%2E%2E%2F..%2Fweb%2Fx", register, 400},
		{"GET", "/pools/web-internal%2F..%2Fweb", "", 400},
		{"GET", "/pools/web%2F..%2Fweb-internal", "", 403},
		{"GET", "/pools/web/%2e%2e/web-internal", "", 403},
	} {
		status, text := client.callAt(t, c.method, "https://"+address+c.path, c.body)
		if status != c.status {
			t.Errorf("%s %s: %d %s, want %d", c.method, c.path, status, text, c.status)
		}
	}
	_, text := client.callAt(t, "GET", "https://"+address+"/pools/web", "")
	if !strings.Contains(text, `"by":"CN=`+caddytest.ServerName+`"`) {
		t.Errorf("it does not say by whom: %s", text)
	}
	for name, stranger := range map[string]admin{
		"another certificate": remoteAdmin(address, other.Pair), "no certificate": remoteAdmin(address),
	} {
		response, err := stranger.Get("https://" + address + "/pools/web")
		if err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				t.Errorf("%s may do it too", name)
			}
		}
	}
}
