package healthprobe

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
)

// serveTLS returns an endpoint that records the protocol and the server name of the last request.
func serveTLS(t *testing.T, config *tls.Config, http2 bool) (e *Endpoint, last *string) {
	last = new(string)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		*last = r.Proto + " " + r.TLS.ServerName
	}))
	server.Config.ErrorLog = discardLog
	server.TLS, server.EnableHTTP2 = config, http2
	server.StartTLS()
	t.Cleanup(server.Close)
	return &Endpoint{Address: server.Listener.Addr().String()}, last
}

func TestAnHTTPProbeSpeaksTLS(t *testing.T) {
	verifyNoLeaks(t)
	known, other := newCertificate(t), newCertificate(t)
	e, last := serveTLS(t, known.server(), false)
	named := known.trusted(t)
	named.ServerName = "backend.test"
	wrong := known.trusted(t)
	wrong.ServerName = "other.test"
	for name, c := range map[string]struct {
		tls        *reverseproxy.TLSConfig
		want, seen string
	}{
		"trusted":    {known.trusted(t), "", "HTTP/1.1 "},
		"named":      {named, "", "HTTP/1.1 backend.test"},
		"insecure":   {&reverseproxy.TLSConfig{InsecureSkipVerify: true}, "", "HTTP/1.1 "},
		"wrong name": {wrong, "TLS handshake: tls: failed to verify certificate: x509: certificate is valid for backend.test, localhost, not other.test", ""},
		"not trusted": {other.trusted(t), `TLS handshake: tls: failed to verify certificate: x509: certificate signed by unknown authority ` +
			`(possibly because of "x509: ECDSA verification failure" while trying to verify candidate authority certificate "backend.test")`, ""},
	} {
		*last = ""
		wantError(t, name, checked(t, provisioned(t, &HTTPProbe{Connection: Connection{TLS: c.tls}}), e), c.want)
		if *last != c.seen {
			t.Errorf("%s: the server saw %q, want %q", name, *last, c.seen)
		}
	}
}

func TestAProbePresentsItsCertificate(t *testing.T) {
	c := newCertificate(t)
	e, _ := serveTLS(t, c.mutual(), false)
	wantError(t, "shown", checked(t, provisioned(t, &HTTPProbe{Connection: Connection{TLS: c.presented(t)}}), e), "")
	wantError(t, "not shown", checked(t, provisioned(t, &HTTPProbe{Connection: Connection{TLS: c.trusted(t)}}), e), "GET /: tls: certificate required")
}

func TestTLSIsOffForExceptedPorts(t *testing.T) {
	e := serveHTTP(t, answering(200))
	_, port := hostPort(e.Address)
	wantError(t, e.Address, checked(t, provisioned(t, &HTTPProbe{Connection: Connection{TLS: &reverseproxy.TLSConfig{ExceptPorts: []string{port}}}}), e), "")
}

func TestTLSReportsServersThatDoNotSpeakIt(t *testing.T) {
	verifyNoLeaks(t)
	probe := provisioned(t, &HTTPProbe{Connection: Connection{TLS: new(reverseproxy.TLSConfig)}})
	wantError(t, "plain", checked(t, probe, serve(t, says("HTTP/1.1 400 Bad Request\r\n\r\n"))), "TLS handshake: tls: first record does not look like a TLS handshake")
	wantTimeout(t, "hanging", probe, serve(t, hangs), "TLS handshake: timed out")
}

func TestVersionsOfHTTP(t *testing.T) {
	verifyNoLeaks(t)
	c := newCertificate(t)
	both, last := serveTLS(t, c.server(), true)
	old, _ := serveTLS(t, c.server(), false)
	for _, v := range []struct {
		versions   []string
		e          *Endpoint
		want, seen string
	}{
		{nil, both, "", "HTTP/1.1 "},
		{[]string{"1.1"}, both, "", "HTTP/1.1 "},
		{[]string{"2"}, both, "", "HTTP/2.0 "},
		{[]string{"h2"}, both, "", "HTTP/2.0 "},
		{[]string{"1.1", "2"}, both, "", "HTTP/2.0 "},
		{[]string{"1.1", "2"}, old, "", ""},
		{[]string{"2"}, old, "TLS handshake: tls: no application protocol", ""},
	} {
		*last = ""
		probe := provisioned(t, &HTTPProbe{Versions: v.versions, Connection: Connection{TLS: c.trusted(t)}})
		wantError(t, v.e.Address, checked(t, probe, v.e), v.want)
		if *last != v.seen {
			t.Errorf("%v: the server saw %q, want %q", v.versions, *last, v.seen)
		}
	}
	h2c := provisioned(t, &HTTPProbe{Versions: []string{"h2c"}})
	// Which error it is depends on whether the answer comes before or after the request.
	if err := checked(t, h2c, serveHTTP(t, answering(200))); err == nil || !strings.HasPrefix(err.Error(), "GET /: http2: ") {
		t.Errorf("h2c to HTTP/1.1: %v", err)
	}
}

func TestAnswersOverHTTP2AreCheckedAlike(t *testing.T) {
	verifyNoLeaks(t)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/503" {
			w.WriteHeader(503)
		}
		w.Write(make([]byte, 10<<20))
	}))
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	t.Cleanup(server.Close)
	e := &Endpoint{Address: server.Listener.Addr().String()}
	for want, probe := range map[string]*HTTPProbe{
		"":                                {ExpectBody: `^\x00+$`},
		"GET /503: status 503":            {URI: "/503"},
		`GET /x: body does not match "y"`: {URI: "/x", ExpectBody: "y"},
	} {
		probe.Versions = []string{"h2c"}
		wantError(t, want, checked(t, provisioned(t, probe), e), want)
	}
}
