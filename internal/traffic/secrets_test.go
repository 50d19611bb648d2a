package traffic

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// canary is a secret that must not show anywhere. It stands in configs as it is, or behind CANARY.
const canary = "c4n4ry-s3cr3t"

// wantNoCanary fails the test if a text has the canary.
func wantNoCanary(t *testing.T, where, text string) {
	t.Helper()
	if strings.Contains(text, canary) {
		t.Errorf("%s shows a secret: %.500s", where, text)
	}
}

// adminAnswers returns what the admin API says of pools.
func adminAnswers(t *testing.T, p *proxy) (all string) {
	t.Helper()
	c := &http.Client{Transport: caddytest.SingleUseTransport(p.AdminSocket())}
	for _, path := range []string{"/pools/", "/pools/web", "/pools/web/endpoints", "/pools/web/endpoints/none", "/metrics", "/reverse_proxy/upstreams"} {
		response, err := c.Get("http://admin" + path)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		all += path + ": " + string(body) + "\n"
	}
	return all
}

// startEcho starts a server that repeats what it reads, as servers do that quote a wrong password.
func startEcho(t *testing.T) (address string) {
	t.Helper()
	return caddytest.Serve(t, func(conn net.Conn) {
		chunk := make([]byte, 1024)
		n, _ := conn.Read(chunk)
		conn.Write(chunk[:n])
	})
}

func TestASecretShowsNowhere(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(canary), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TRAFFIC_CANARY", canary)
	refused := caddytest.FreeAddress(t)
	refusing := startBackends(t, 1, func(b *backend, w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusUnauthorized)
	})[0].address
	echo := startEcho(t)
	source := func(url, options string) string {
		return "source http " + url + " {\ninterval 100ms\n" + options + "\n}"
	}
	probe := func(address, text string) string {
		return "source static " + address + "\n" + fastChecks(text, longTimeout)
	}
	for option, pool := range map[string]func(secret string) string{
		"url of http, refused": func(s string) string { return source("http://user:"+s+"@"+refused+"/?token="+s, "") },
		"url of http":          func(s string) string { return source("http://user:"+s+"@"+refusing+"/?token="+s, "") },
		"bearer_token of http": func(s string) string { return source("http://"+refusing, "bearer_token "+s) },
		"header of http":       func(s string) string { return source("http://"+refusing, "header X-Token "+s) },
		"uri of probe http":    func(s string) string { return probe(refusing, "http /health?token="+s) },
		"header of probe http": func(s string) string { return probe(refusing, "http {\nheader X-Token "+s+"\n}") },
		"header, refused":      func(s string) string { return probe(refused, "http {\nheader X-Token "+s+"\n}") },
		"request_body of http": func(s string) string { return probe(refusing, "http {\nmethod POST\nrequest_body "+s+"\n}") },
		"send of probe tcp":    func(s string) string { return probe(echo, "tcp {\nsend \"AUTH "+s+"\\n\"\nexpect OK\n}") },
		"send of tcp, refused": func(s string) string { return probe(refused, "tcp {\nsend "+s+"\nexpect OK\n}") },
		"send of probe agent":  func(s string) string { return probe(echo, "agent {\nupstream "+echo+"\nsend \""+s+"\\n\"\n}") },
		"a module of Caddy's own": func(s string) string {
			return "source upstreams {\nfrom srv {\nname none.invalid\nresolvers 127.0.0.1\n}\n}"
		},
		"persist, which names one": func(s string) string { return source("http://"+refusing, "bearer_token "+s) + "\npersist blue" },
	} {
		for name, secret := range map[string]string{"literal": canary, "environment": "{env.TRAFFIC_CANARY}", "file": "{file." + file + "}"} {
			t.Run(option+", "+name, func(t *testing.T) {
				site := func(pool string) string {
					return "reverse_proxy {\ndynamic pool web {\n" + pool + "\ninitial_wait 50ms\n}\n}"
				}
				p := startProxyWith(t, "debug", site(pool(secret)))
				p.client().get("/")
				eventually(t, "something has failed", func() bool {
					return logged.Count(`"pool":"web"`) > 0 || logged.Count("checked endpoint", "error") > 0
				})
				wantNoCanary(t, "the admin API", adminAnswers(t, p))
				err := p.Reload(p.Adapt(p.text(site(pool(secret)), site(pool(secret+"x")))))
				if err != nil {
					wantNoCanary(t, "the error of a second definition", err.Error())
				}
				wantNoCanary(t, "the log", strings.Join(logged.With(), "\n"))
				endpoint.Each(func(_ string, pool *endpoint.Pool) bool {
					wantNoCanary(t, "the state of sources", fmt.Sprintf("%+v", pool.Sources()))
					for _, e := range pool.Endpoints() {
						if v := e.Verdict(); v != nil {
							wantNoCanary(t, "a verdict", fmt.Sprintf("%+v", *v))
						}
					}
					return true
				})
				filepath.WalkDir(p.Storage(), func(path string, entry os.DirEntry, err error) error {
					wantNoCanary(t, "a storage key", path)
					if content, err := os.ReadFile(path); err == nil {
						wantNoCanary(t, "a record", string(content))
					}
					return nil
				})
			})
		}
	}
}
