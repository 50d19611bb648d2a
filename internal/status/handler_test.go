package status_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
	"github.com/caddy-balance/caddy-balance/internal/status"
)

// pageSites are a site without control, and below /ops one with it, whose page is elsewhere.
const pageSites = `
http:// {
	bind unix/%s
	handle_path /ops/* {
		pool_status {
			path /balance/pools
			control
		}
		respond "below ops"
	}
	pool_status
	respond "elsewhere"
	reverse_proxy {
		dynamic pool web {
			source static 127.0.0.1:1 127.0.0.1:2
		}
	}
}
`

// startPageSites returns a client of the sites when their pool has its list. The client follows no
// redirect.
func startPageSites(t *testing.T) *http.Client {
	t.Helper()
	c := caddytest.New(t)
	c.Start(c.GlobalOptions("") + strings.ReplaceAll(pageSites, "%s", c.SiteSocket(0)))
	t.Cleanup(c.Stop)
	client := &http.Client{
		Transport:     caddytest.SingleUseTransport(c.SiteSocket(0)),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	caddytest.Eventually(t, patience, "the pool has its list", func() bool {
		return send(t, client, "GET", "/pools/web/endpoints/127.0.0.1:1", "").status == 200
	})
	return client
}

// send sends a request with headers such as "Accept: text/html".
func send(t *testing.T, client *http.Client, method, path, body string, headers ...string) answer {
	t.Helper()
	request, err := http.NewRequest(method, "http://site.test"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		request.Header.Set(name, value)
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header, string(text)}
}

const (
	html     = "Accept: text/html,application/xhtml+xml,*/*;q=0.8"
	jsonBody = "Content-Type: application/json"
	drain    = `{"state": "drain"}`
)

func TestASiteHasThePageAndItsAPI(t *testing.T) {
	client := startPageSites(t)
	const first = "/web/endpoints/127.0.0.1:1"
	for _, c := range []struct {
		what, method, path, body string
		headers                  []string
		status                   int
		want                     string
	}{
		{"a page for browsers", "GET", "/pools/", "", []string{html}, 200, `data-control="false"`},
		{"JSON for others", "GET", "/pools/", "", nil, 200, `[{"name":"web"`},
		{"the API", "GET", "/pools" + first, "", []string{html}, 200, `"address":"127.0.0.1:1"`},
		{"an explanation", "POST", "/pools/web/explain", `{"uri": "/"}`, []string{jsonBody}, 200, `"policy"`},
		{"an error as of the admin endpoint", "GET", "/pools/other", "", nil, 404, `{"error":"there is no pool \"other\""}`},
		{"a slash that lacks", "GET", "/pools", "", []string{html}, 302, ""},
		{"another path", "GET", "/poolside", "", nil, 200, "elsewhere"},
		{"an empty part of the path", "GET", "/pools//web", "", nil, 404, ""},
		{"a change without control", "PATCH", "/pools" + first, drain, []string{jsonBody}, 405, ""},
		{"a registration without control", "PUT", "/pools" + first, `{"address": "127.0.0.1:1"}`, []string{jsonBody}, 405, ""},
		{"a rollback without control", "DELETE", "/pools/web/rollback", "", []string{jsonBody}, 404, ""},

		{"a page at its path", "GET", "/ops/balance/pools/", "", []string{html}, 200, `data-control="true"`},
		{"a path beside it", "GET", "/ops/pools/", "", []string{html}, 200, "below ops"},
		{"a change", "PATCH", "/ops/balance/pools" + first, drain, []string{jsonBody}, 200, `"state":"draining"`},
		{"an escaped name", "PATCH", "/ops/balance/pools/web/endpoints/127.0.0.1%3A1", drain, []string{jsonBody}, 200, `"state":"draining"`},
		{
			"a change by the page", "DELETE", "/ops/balance/pools" + first + "/override", "",
			[]string{jsonBody, "Sec-Fetch-Site: same-origin", "Origin: http://site.test"}, 204, "",
		},
		{
			"a change by another site", "PATCH", "/ops/balance/pools" + first, drain,
			[]string{jsonBody, "Sec-Fetch-Site: cross-site"}, 403, "",
		},
		{
			"a change by a neighbouring site", "PATCH", "/ops/balance/pools" + first, drain,
			[]string{jsonBody, "Sec-Fetch-Site: same-site"}, 403, "",
		},
		{
			"a change by another site in an old browser", "POST", "/ops/balance/pools" + first + "/reset", "",
			[]string{jsonBody, "Origin: http://evil.test"}, 403, "",
		},
		{"a change by a form", "PATCH", "/ops/balance/pools" + first, drain, []string{"Content-Type: text/plain"}, 415, "application/json"},
	} {
		a := send(t, client, c.method, c.path, c.body, c.headers...)
		if a.status != c.status || !strings.Contains(a.body, c.want) {
			t.Errorf("%s: %s %s: %d %.300s, want %d %s", c.what, c.method, c.path, a.status, a.body, c.status, c.want)
		}
	}
}

// TestADecisionNamesTheUserOfTheSite authenticates by the password "secret".
func TestADecisionNamesTheUserOfTheSite(t *testing.T) {
	c := caddytest.New(t)
	c.Start(c.GlobalOptions("") + fmt.Sprintf(authenticatedSite, c.SiteSocket(0)))
	t.Cleanup(c.Stop)
	client := &http.Client{Transport: caddytest.SingleUseTransport(c.SiteSocket(0))}
	const path = "/pools/web/endpoints/127.0.0.1:1"
	if a := send(t, client, "PATCH", path, drain, jsonBody); a.status != 401 {
		t.Errorf("without a password the status is %d", a.status)
	}
	credentials := "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte("ops:secret"))
	caddytest.Eventually(t, patience, "the pool has a list", func() bool {
		return send(t, client, "GET", path, "", credentials).status == 200
	})
	if a := send(t, client, "PATCH", path, drain, jsonBody, credentials); !strings.Contains(a.body, `"by":"ops"`) {
		t.Errorf("the override is not by the user of the site: %d %s", a.status, a.body)
	}
}

const authenticatedSite = `
http:// {
	bind unix/%s
	basic_auth {
		ops $2a$04$WplfuBcsrW9X1rEPAR7.tebJx2ZygV5eEOTXlqfVmhjBjanC4.8FC
	}
	pool_status {
		control
	}
	reverse_proxy {
		dynamic pool web {
			source static 127.0.0.1:1 127.0.0.1:2
		}
	}
}
`

func TestARedirectOfThePageIsRelative(t *testing.T) {
	client := startPageSites(t)
	for path, want := range map[string]string{"/pools": "pools/", "/ops/balance/pools": "pools/"} {
		if got := send(t, client, "GET", path, "").header.Get("Location"); got != want {
			t.Errorf("%s leads to %q, want %q", path, got, want)
		}
	}
}

// TestThePageLoadsOnlyItsOwnFiles follows each name in the files that looks like one of a file.
func TestThePageLoadsOnlyItsOwnFiles(t *testing.T) {
	client := startPageSites(t)
	names := regexp.MustCompile(`(?:src|href)="-/([\w.]+)"|from '\./([\w.]+)'`)
	seen := map[string]bool{}
	var follow func(path string, headers ...string)
	follow = func(path string, headers ...string) {
		if seen[path] {
			return
		}
		seen[path] = true
		a := send(t, client, "GET", path, "", headers...)
		if a.status != 200 {
			t.Errorf("%s: status %d", path, a.status)
		}
		if policy := a.header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'; script-src 'self';") {
			t.Errorf("%s has the policy %q", path, policy)
		}
		if a.header.Get("X-Content-Type-Options") != "nosniff" || a.header.Get("Content-Type") == "" {
			t.Errorf("%s: %v", path, a.header)
		}
		if again := send(t, client, "GET", path, "", append(headers, "If-None-Match: "+a.header.Get("Etag"))...); again.status != 304 {
			t.Errorf("%s: status %d though the browser has it", path, again.status)
		}
		if strings.Contains(strings.ReplaceAll(a.body, "http://www.w3.org/2000/svg", ""), "://") {
			t.Errorf("%s names another address", path)
		}
		for _, found := range names.FindAllStringSubmatch(a.body, -1) {
			follow("/pools/-/" + found[1] + found[2])
		}
	}
	follow("/pools/", html)
	if len(seen) < 20 {
		t.Errorf("found only %d files", len(seen))
	}
}

func TestAWrongPathOfThePageIsRefused(t *testing.T) {
	for _, path := range []string{"pools", "/", "/pools/", "/a/../b"} {
		ctx, cancel := caddy.NewContext(caddy.Context{Context: t.Context()})
		if err := (&status.PoolStatus{Path: path}).Provision(ctx); err == nil {
			t.Errorf("%q is not refused", path)
		}
		cancel()
	}
}
