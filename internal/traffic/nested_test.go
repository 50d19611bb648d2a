package traffic

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/fcgi"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// gate answers /auth as an authenticating gateway does, and everything else as an application.
func gate(b *backend, w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path != "/auth":
		io.WriteString(w, "hello "+r.Header.Get("X-User"))
	case r.Header.Get("X-Forwarded-Uri") == "/secret":
		w.WriteHeader(http.StatusForbidden)
		io.WriteString(w, strings.Repeat("no ", 10_000))
	default:
		w.Header().Set("X-User", "ann")
		io.WriteString(w, strings.Repeat("yes ", 10_000)) // which nobody reads
	}
}

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

func TestForwardAuthMayHaveAPoolOfItsOwnOrTheSameOne(t *testing.T) {
	auth, app := startBackends(t, 2, gate), startBackends(t, 3, gate)
	for policy, line := range ourPolicies {
		t.Run(policy, func(t *testing.T) {
			// With connections kept, one may still be dialed when the request goes on without it; Caddy reads the
			// request's variables there while its next handler writes some, which is a race (in v2.11.9).
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

func TestAnAuthenticatedRequestMayGoWhereItsAuthenticationWent(t *testing.T) {
	fleet := startBackends(t, 1, gate)
	c := startProxy(t, authSite(fleet, fleet, "app", "app", "lb_retries 2")).client()
	if a := must(t)(c.get("/")); a.body != "hello ann" {
		t.Errorf("read %q", a.body)
	}
}

func TestRetriesOfAnAuthenticationLeaveThoseOfTheRequestAlone(t *testing.T) {
	fleet := startBackends(t, 3, gate)
	for _, b := range fleet[:2] {
		b.kill()
	}
	for policy, line := range ourPolicies {
		t.Run(policy, func(t *testing.T) {
			c := startProxy(t, authSite(fleet, fleet, "app", "app", "lb_retries 2\n"+line)).client()
			for range amount(20, 5) {
				if a := must(t)(c.get("/")); a.body != "hello ann" {
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
	fleet := fleet{{name: "b0"}, {name: "b1"}}
	for _, b := range fleet {
		b.network, b.address = "tcp", freeAddress(t)
		b.serve = func(_ *http.Server, l net.Listener) error { return fcgi.Serve(l, b) }
		b.handler = func(b *backend, w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, fcgi.ProcessEnv(r)["SCRIPT_FILENAME"], " ", r.URL.Path, " ")
			io.Copy(w, r.Body)
		}
		b.startFor(t)
	}
	c := startProxy(t, fmt.Sprintf("root * %s\nphp_fastcgi {\ndynamic pool php {\nsource static %s\n}\nlb_policy smooth_weighted_round_robin\n}", root, fleet)).client()
	for range 4 {
		a := must(t)(c.send(http.MethodPost, "/page", strings.NewReader("form")))
		if want := filepath.Join(root, "index.php") + " /page form"; a.body != want {
			t.Errorf("read %q, want %q", a.body, want)
		}
	}
	if hits := fleet.hits(); hits[0] != 2 || hits[1] != 2 {
		t.Errorf("hits %v, want 2 each", hits)
	}
	// Caddy buffers for FastCGI, unless a request that is not to be buffered tells its length.
	must(t)(c.send(http.MethodPost, "/page", strings.NewReader("form"), "Incremental", "?1"))
	expect(t, http.StatusNotImplemented)(c.send(http.MethodPost, "/page", io.MultiReader(strings.NewReader("form")), "Incremental", "?1"))
	expectInFlight(t, nil)
}
