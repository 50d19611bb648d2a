package traffic

import (
	"fmt"
	"io"
	"net/http"
	"net/http/fcgi"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// authGateway is a handler that answers /auth like an authentication service and everything else
// like an application.
func authGateway(b *backend, w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path != "/auth":
		io.WriteString(w, "hello "+r.Header.Get("X-User"))
	case r.Header.Get("X-Forwarded-Uri") == "/secret":
		w.WriteHeader(http.StatusForbidden)
		io.WriteString(w, strings.Repeat("no ", 10_000))
	default:
		w.Header().Set("X-User", "ann")
		io.WriteString(w, strings.Repeat("yes ", 10_000)) // Caddy does not read it
	}
}

// authSite returns a site that asks the pool of auth before it proxies to the pool of app.
func authSite(auth, app fleet, authPool, appPool, options string) string {
	return fmt.Sprintf(`route {
		forward_auth {
			dynamic pool %s {
				source static %s
			}
			uri /auth
			copy_headers X-User
			%[5]s
		}
		reverse_proxy {
			dynamic pool %[3]s {
				source static %[4]s
			}
			%[5]s
		}
	}`, authPool, auth, appPool, app, options)
}

func TestForwardAuthMayHaveItsOwnPoolOrTheSameOne(t *testing.T) {
	auth, app := startBackends(t, 2, authGateway), startBackends(t, 3, authGateway)
	for policy, line := range ourPolicies {
		t.Run(policy, func(t *testing.T) {
			// Without keepalive, because of a race in Caddy v2.11.9: a dial may still be under way
			// when its request proceeds on another connection. The dial reads the request's
			// variables while the next handler writes some.
			line += "\ntransport http {\nkeepalive off\n}"
			p := startProxy(t, authSite(auth, app, "auth", "app", line), authSite(app, app, "app", "app", line))
			for site := range 2 {
				c := p.client(site)
				flood(4, amount(40, 10), func(i int) {
					if a, err := c.get("/"); err != nil || a.body != "hello ann" {
						t.Errorf("%q, %v", a.body, err)
					}
					if a, err := c.get("/secret"); err != nil || a.status != http.StatusForbidden {
						t.Errorf("%d, %v", a.status, err)
					}
				})
			}
			expectInFlight(t, nil)
		})
	}
}

func TestARequestMayUseTheBackendOfItsAuthentication(t *testing.T) {
	fleet := startBackends(t, 1, authGateway)
	c := startProxy(t, authSite(fleet, fleet, "app", "app", "lb_retries 2")).client()
	if a := expectOK(t)(c.get("/")); a.body != "hello ann" {
		t.Errorf("read %q", a.body)
	}
}

func TestRetriesOfAnAuthenticationAreNotTheRequests(t *testing.T) {
	fleet := startBackends(t, 3, authGateway)
	for _, b := range fleet[:2] {
		b.kill()
	}
	for policy, line := range ourPolicies {
		t.Run(policy, func(t *testing.T) {
			c := startProxy(t, authSite(fleet, fleet, "app", "app", "lb_retries 2\n"+line)).client()
			for range amount(20, 5) {
				if a := expectOK(t)(c.get("/")); a.body != "hello ann" {
					t.Errorf("read %q", a.body)
				}
			}
		})
	}
}

func TestPHPFastCGIMayHaveAPool(t *testing.T) {
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "index.php"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	fleet := startBackendsWith(t, 2, serveFastCGI, func(b *backend, w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, fcgi.ProcessEnv(r)["SCRIPT_FILENAME"], " ", r.URL.Path, " ")
		io.Copy(w, r.Body)
	})
	c := startProxy(t, fmt.Sprintf(`root * %s
		php_fastcgi {
			dynamic pool php {
				source static %s
			}
			%s
		}`, root, fleet, roundRobin)).client()
	awaitTurns(t, len(fleet), func() string { return expectOK(t)(c.get("/page")).backend })
	before := fleet.hits()
	for range 4 {
		a := expectOK(t)(c.send(http.MethodPost, "/page", strings.NewReader("form")))
		if want := filepath.Join(root, "index.php") + " /page form"; a.body != want {
			t.Errorf("read %q, want %q", a.body, want)
		}
	}
	if hits := fleet.hits(); hits[0]-before[0] != 2 || hits[1]-before[1] != 2 {
		t.Errorf("hits %v, and %v before, want 2 each", hits, before)
	}
	// Caddy buffers the body for FastCGI. With `Incremental` it must not, and then needs the
	// length.
	expectOK(t)(c.send(http.MethodPost, "/page", strings.NewReader("form"), "Incremental", "?1"))
	withoutLength := io.MultiReader(strings.NewReader("form"))
	expectStatus(t, http.StatusNotImplemented)(c.send(http.MethodPost, "/page", withoutLength, "Incremental", "?1"))
	expectInFlight(t, nil)
}
