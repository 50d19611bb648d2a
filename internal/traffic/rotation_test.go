package traffic

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

// listServer serves the list of a fleet to `source http`, if a request is allowed.
type listServer struct {
	address string
	allowed atomic.Pointer[func(*http.Request) bool]
	served  atomic.Int64
}

// startListServer starts a server that allows every request. It speaks TLS if config is not nil.
func startListServer(t *testing.T, f fleet, config *tls.Config) *listServer {
	t.Helper()
	s := new(listServer)
	s.allow(func(*http.Request) bool { return true })
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.address = listener.Addr().String()
	if config != nil {
		listener = tls.NewListener(listener, config)
	}
	serve := func(w http.ResponseWriter, r *http.Request) {
		if !(*s.allowed.Load())(r) {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		s.served.Add(1)
		json.NewEncoder(w).Encode(f.addresses())
	}
	server := &http.Server{ErrorLog: discardLog, Handler: http.HandlerFunc(serve)}
	server.SetKeepAlivesEnabled(false)
	go server.Serve(listener)
	t.Cleanup(func() { server.Close() })
	return s
}

func (s *listServer) allow(which func(*http.Request) bool) { s.allowed.Store(&which) }

// awaitServed waits until the list was served once more.
func (s *listServer) awaitServed(t *testing.T, what string) {
	t.Helper()
	before := s.served.Load()
	eventually(t, what, func() bool { return s.served.Load() > before })
}

// rotatedFile writes a file that the test replaces later.
func rotatedFile(t *testing.T, content []byte) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "rotated")
	replaceFile(t, path, content)
	return path
}

func replaceFile(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func fileOf(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// listedBy returns a site whose pool follows a URL.
func listedBy(url, options string) string {
	return fmt.Sprintf("reverse_proxy {\ndynamic pool web {\nsource http %s {\ninterval 100ms\n%s\n}\n}\n}", url, options)
}

func reloadSame(t *testing.T, p *proxy, sites ...string) {
	t.Helper()
	if err := p.reload(sites...); err != nil {
		t.Fatal(err)
	}
}

func TestAReloadTakesANewTokenFromItsFile(t *testing.T) {
	fleet := startBackends(t, 1)
	server := startListServer(t, fleet, nil)
	bearer := func(token string) func(*http.Request) bool {
		return func(r *http.Request) bool { return r.Header.Get("Authorization") == "Bearer "+token }
	}
	token := rotatedFile(t, []byte("old"))
	server.allow(bearer("old"))
	for option, value := range map[string]string{"bearer_token": "{file." + token + "}", "header Authorization": `"Bearer {file.` + token + `}"`} {
		t.Run(option, func(t *testing.T) {
			replaceFile(t, token, []byte("old"))
			server.allow(bearer("old"))
			site := listedBy("http://"+server.address, option+" "+value)
			p := startProxy(t, site)
			c := p.retryingClient()
			expectOK(t)(c.get("/"))
			replaceFile(t, token, []byte("new"))
			server.allow(bearer("new"))
			reloadSame(t, p, site)
			server.awaitServed(t, "the new token is used")
			expectOK(t)(c.get("/"))
		})
	}
}

func TestAReloadTakesANewTokenForProbes(t *testing.T) {
	var want atomic.Pointer[string]
	setWanted := func(token string) { want.Store(&token) }
	setWanted("old")
	fleet := startBackends(t, 2, func(b *backend, w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/health" && r.Header.Get("X-Token") != *want.Load() {
			w.WriteHeader(http.StatusForbidden)
		}
	})
	token := rotatedFile(t, []byte("old"))
	probe := fmt.Sprintf("http /health {\nheader X-Token {file.%s}\n}", token)
	site := checkedPool(fleet, fastChecks(probe, longTimeout)+"fail_open off", "")
	p := startProxy(t, site)
	c := p.retryingClient()
	expectOK(t)(c.get("/"))
	setWanted("new")
	eventually(t, "the old token fails", func() bool {
		a, err := c.get("/")
		return err == nil && a.status == http.StatusServiceUnavailable
	})
	replaceFile(t, token, []byte("new"))
	reloadSame(t, p, site)
	eventually(t, "the new token passes", func() bool {
		a, err := c.get("/")
		return err == nil && a.status == http.StatusOK
	})
}

func TestAReloadTrustsANewAuthorityWhereverItIsFrom(t *testing.T) {
	fleet := startBackends(t, 1)
	for _, provider := range []string{"file", "storage"} {
		t.Run(provider, func(t *testing.T) {
			old, fresh := caddytest.NewCertificate(t), caddytest.NewCertificate(t)
			var shown atomic.Pointer[tls.Certificate]
			shown.Store(&old.Pair)
			server := startListServer(t, fleet, &tls.Config{
				GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return shown.Load(), nil },
			})
			trusted := rotatedFile(t, fileOf(t, old.CertFile))
			trust := "tls_trust_pool file " + trusted
			if provider == "storage" {
				trust = fmt.Sprintf("tls_trust_pool storage {\nstorage file_system %s\nkeys %s\n}", filepath.Dir(trusted), filepath.Base(trusted))
			}
			site := listedBy("https://"+server.address, trust)
			p := startProxy(t, site)
			c := p.retryingClient()
			expectOK(t)(c.get("/"))
			shown.Store(&fresh.Pair)
			replaceFile(t, trusted, fileOf(t, fresh.CertFile))
			reloadSame(t, p, site)
			server.awaitServed(t, "the new authority is trusted")
			expectOK(t)(c.get("/"))
		})
	}
}

func TestAReloadShowsANewClientCertificate(t *testing.T) {
	fleet := startBackends(t, 1)
	server, old, fresh := caddytest.NewCertificate(t), caddytest.NewCertificate(t), caddytest.NewCertificate(t)
	lists := startListServer(t, fleet, &tls.Config{
		Certificates: []tls.Certificate{server.Pair}, ClientAuth: tls.RequireAnyClientCert,
	})
	shows := func(c *caddytest.Certificate) func(*http.Request) bool {
		return func(r *http.Request) bool {
			return string(r.TLS.PeerCertificates[0].Raw) == string(c.Pair.Certificate[0])
		}
	}
	cert, key := rotatedFile(t, fileOf(t, old.CertFile)), rotatedFile(t, fileOf(t, old.KeyFile))
	lists.allow(shows(old))
	site := listedBy("https://"+lists.address, fmt.Sprintf("tls_trust_pool file %s\ntls_client_auth %s %s", server.CertFile, cert, key))
	p := startProxy(t, site)
	c := p.retryingClient()
	expectOK(t)(c.get("/"))
	replaceFile(t, cert, fileOf(t, fresh.CertFile))
	replaceFile(t, key, fileOf(t, fresh.KeyFile))
	lists.allow(shows(fresh))
	reloadSame(t, p, site)
	lists.awaitServed(t, "the new certificate is shown")
	expectOK(t)(c.get("/"))
}

func TestAReloadThatChangesNothingLeavesTheSourceAlone(t *testing.T) {
	fleet := startBackends(t, 1)
	token := rotatedFile(t, []byte("the same"))
	var connections atomic.Int64
	server := startListServer(t, fleet, nil)
	server.allow(func(*http.Request) bool { connections.Add(1); return true })
	site := fmt.Sprintf("reverse_proxy {\ndynamic pool web {\nsource http http://%s {\nbearer_token {file.%s}\ninterval 1h\n}\n}\n}", server.address, token)
	p := startProxy(t, site)
	c := p.retryingClient()
	expectOK(t)(c.get("/"))
	for range 5 {
		reloadSame(t, p, site)
	}
	expectOK(t)(c.get("/"))
	if n := connections.Load(); n != 1 {
		t.Errorf("the list was asked for %d times", n)
	}
}

func TestARotatedListFileIsNoNewDefinition(t *testing.T) {
	fleet := startBackends(t, 2)
	file := rotatedFile(t, []byte(`["`+fleet[0].address+`"]`))
	site := "reverse_proxy {\ndynamic pool web {\nsource file " + file + "\n}\n}"
	p := startProxy(t, site)
	c := p.retryingClient()
	expectOK(t)(c.get("/"))
	replaceFile(t, file, []byte(`["`+fleet[1].address+`"]`))
	reloadSame(t, p, site)
	eventually(t, "the new list serves", func() bool {
		a, err := c.get("/")
		return err == nil && a.backend == fleet[1].name
	})
	if n := logged.Count("pool changed"); n != 2 {
		t.Errorf("%d changes are logged, want that of the start and that of the file", n)
	}
}
