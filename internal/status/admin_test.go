package status_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	_ "github.com/caddy-balance/caddy-balance"
	"github.com/caddy-balance/caddy-balance/discovery/registry"
	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

func TestMain(m *testing.M) {
	os.Exit(caddytest.RunIsolated(m, "HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"))
}

// sites have three pools: one whose limits are easy to exceed, one whose name needs escapes in a
// URL, and one without a registry.
const sites = `
http:// {
	reverse_proxy {
		dynamic pool web {
			source registry {
				max_ttl 1m
				max_endpoints 2
			}
		}
	}
}
http://escaped {
	reverse_proxy {
		dynamic pool "a/b c" {
			source registry
		}
	}
}
http://listed {
	reverse_proxy {
		dynamic pool listed {
			source static 127.0.0.1:1
		}
	}
}
`

// admin is a client of the admin API of a Caddy that runs until the test ends.
type admin struct{ *http.Client }

func startAdmin(t *testing.T) admin {
	t.Helper()
	c := caddytest.New(t)
	bound := strings.ReplaceAll(sites, " {\n\treverse_proxy", " {\n\tbind unix/"+c.SiteSocket(0)+"\n\treverse_proxy")
	c.Start(c.GlobalOptions("") + bound)
	t.Cleanup(c.Stop)
	return admin{&http.Client{Transport: caddytest.SingleUseTransport(c.AdminSocket())}}
}

// answer is a response of the admin API that was read to its end.
type answer struct {
	status int
	header http.Header
	body   string
}

// call sends a request. It sends it again if the connection ends without an answer.
func (a admin) call(t *testing.T, method, path, body string) answer {
	t.Helper()
	var response *http.Response
	err := io.EOF
	for try := 0; try < 5 && errors.Is(err, io.EOF); try++ {
		var request *http.Request
		if request, err = http.NewRequest(method, "http://admin"+path, strings.NewReader(body)); err != nil {
			t.Fatal(err)
		}
		response, err = a.Do(request)
	}
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return answer{response.StatusCode, response.Header, string(text)}
}

// TestTheAdminAPISaysWhatBecameOfARegistration calls every route. The calls build on each other:
// "one" and "two" fill the pool, then "three" replaces "one" at its address.
func TestTheAdminAPISaysWhatBecameOfARegistration(t *testing.T) {
	api := startAdmin(t)
	const one, good = "/pools/web/endpoints/one", `{"address": "127.0.0.1:1"}`
	for _, c := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"GET", "/pools/web/endpoints", "", 200, "[]\n"},
		{"GET", one, "", 404, `pool \"web\" has no endpoint that registered as \"one\"`},
		{"DELETE", one, "", 404, "has no endpoint that registered"},
		{"PUT", one, good, 201, `{"address":"127.0.0.1:1","weight":1,"id":"one","ttl":"30s","expires":"2`},
		{"PUT", one, good, 200, `"ttl":"30s"`},
		{"GET", one, "", 200, `{"address":"127.0.0.1:1","weight":1,"id":"one","ttl":"30s","expires":"2`},
		{"GET", "/pools/web/endpoints", "", 200, `[{"address":"127.0.0.1:1","weight":1,"id":"one"`},

		// Bodies that are refused.
		{"PUT", one, `{"address": "127.0.0.1:1", "wieght": 2}`, 400, `body: unknown field \"wieght\"; the fields are address,`},
		{"PUT", one, `{"address": "127.0.0.1:1", "ttl": "soon"}`, 400, `body: ttl: \"soon\" is not a duration such as 30s`},
		{"PUT", one, `{"address": "127.0.0.1:1", "ttl": "2m"}`, 400, "ttl: 2m0s is not between 1s and 1m0s"},
		{"PUT", one, `{"address": "127.0.0.1:1", "id": "two"}`, 400, `body: id: \"two\" is not`},
		{"PUT", one, `{"address": ":80"}`, 400, "has no host"},
		{"PUT", one, "", 400, "body: is empty"},
		{"PUT", one, strings.Repeat(" ", 65537), 413, "more than 65536 bytes"},
		{"GET", one, "", 200, `"ttl":"30s"`},

		// The limit of the pool.
		{"PUT", "/pools/web/endpoints/two", `{"address": "127.0.0.1:2"}`, 201, `"id":"two"`},
		{"PUT", "/pools/web/endpoints/three", `{"address": "127.0.0.1:3"}`, 507, registry.ErrFull.Error()},
		{"PUT", "/pools/web/endpoints/three", good, 201, `"id":"three"`},
		{"GET", one, "", 404, "has no endpoint"},

		// The state of a pool.
		{"GET", "/pools/a%2Fb%20c", "", 200, `{"name":"a/b c","mode":"none","mode_since":"2`},
		{"GET", "/pools/other", "", 404, `there is no pool \"other\"`},
		{"PUT", "/pools/web", good, 405, ""},

		// Methods and paths that do not exist.
		{"POST", one, good, 405, ""},
		{"PUT", "/pools/web/endpoints", good, 405, ""},
		{"PUT", "/pools/web/endpoints/", good, 404, ""},
		{"PUT", "/pools/other/endpoints/one", good, 404, `there is no pool \"other\"`},
		{"GET", "/pools/other/endpoints", "", 404, `there is no pool \"other\"`},
		{"GET", "/pools/other/endpoints/one", "", 404, `there is no pool \"other\"`},
		{"DELETE", "/pools/other/endpoints/one", "", 404, `there is no pool \"other\"`},
		{"PUT", "/pools/listed/endpoints/one", good, 404, `there is no pool \"listed\" with a registry source`},

		// Escapes in names.
		{"PUT", "/pools/a%2Fb%20c/endpoints/x%2Fy", good, 201, `"id":"x/y"`},
		{"GET", "/pools/a%2Fb%20c/endpoints", "", 200, `"id":"x/y"`},
		{"DELETE", "/pools/a%2Fb%20c/endpoints/x%2Fy", "", 204, ""},
		{"GET", "/pools/a%2Fb%20c/endpoints", "", 200, "[]\n"},
	} {
		a := api.call(t, c.method, c.path, c.body)
		expected := func() bool { return a.status == c.status && strings.Contains(a.body, c.want) }
		// A pool follows its registrations a moment later.
		for limit := time.Now().Add(patience); c.method == http.MethodGet && !expected() && time.Now().Before(limit); {
			time.Sleep(10 * time.Millisecond)
			a = api.call(t, c.method, c.path, c.body)
		}
		if !expected() {
			t.Errorf("%s %s %.60s: %d %s, want %d %s", c.method, c.path, c.body, a.status, a.body, c.status, c.want)
		}
		if allow := a.header.Get("Allow"); c.status == 405 && !strings.Contains(allow, "GET") {
			t.Errorf("%s %s allows %q", c.method, c.path, allow)
		}
		if c.status != 204 && c.want != "" && !json.Valid([]byte(a.body)) {
			t.Errorf("%s %s: the body is not JSON: %s", c.method, c.path, a.body)
		}
	}
}
