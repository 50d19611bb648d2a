package healthprobe

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

// realServer is a server that demands the PROXY header. Over TLS it answers only for the server
// name backend.test.
type realServer struct {
	name   string
	config string // $plain and $tls are addresses, and $dir/cert.pem has the certificate and its key
	args   []string
}

var realServers = []realServer{
	{"haproxy", `
defaults
	mode http
	timeout connect 5s
	timeout client 5s
	timeout server 5s
frontend plain
	bind $plain accept-proxy
	http-request return status 200
frontend tls
	bind $tls accept-proxy ssl crt $dir/cert.pem strict-sni
	http-request return status 200
`, []string{"-db", "-f"}},
	{"nginx", `
daemon off;
pid $dir/pid;
error_log stderr;
events {}
http {
	access_log off;
	client_body_temp_path $dir/body;
	proxy_temp_path $dir/proxy;
	fastcgi_temp_path $dir/fastcgi;
	uwsgi_temp_path $dir/uwsgi;
	scgi_temp_path $dir/scgi;
	ssl_certificate $dir/cert.pem;
	ssl_certificate_key $dir/cert.pem;
	server {
		listen $plain proxy_protocol;
		return 200;
	}
	server {
		listen $tls ssl proxy_protocol default_server;
		ssl_reject_handshake on;
	}
	server {
		listen $tls ssl proxy_protocol;
		server_name backend.test;
		return 200;
	}
}
`, []string{"-e", "stderr", "-c"}},
}

// start returns the addresses of the running server.
func (s realServer) start(t *testing.T, c *certificate) (plain, withTLS string) {
	t.Helper()
	program := s.name
	if path, err := exec.LookPath(program); err == nil {
		program = path
	} else if program = "/usr/sbin/" + s.name; !isFile(program) {
		t.Skip(s.name, "is not installed")
	}
	dir := t.TempDir()
	plain, withTLS = caddytest.FreeAddress(t), caddytest.FreeAddress(t)
	cert, _ := os.ReadFile(c.certFile)
	key, _ := os.ReadFile(c.keyFile)
	config := strings.NewReplacer("$plain", plain, "$tls", withTLS, "$dir", dir).Replace(s.config)
	for name, data := range map[string][]byte{"cert.pem": append(cert, key...), "config": []byte(config)} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var output bytes.Buffer
	command := exec.Command(program, append(s.args, filepath.Join(dir, "config"))...)
	command.Stdout, command.Stderr = &output, &output
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		command.Process.Signal(os.Interrupt)
		command.Wait()
		if t.Failed() {
			t.Log(output.String())
		}
	})
	probe := provisioned(t, &TCPProbe{})
	caddytest.Eventually(t, time.Minute, s.name, func() bool {
		return checked(t, probe, &Endpoint{Address: withTLS}) == nil
	})
	return plain, withTLS
}

func isFile(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func TestRealServersThatDemandThePROXYHeader(t *testing.T) {
	for _, s := range realServers {
		t.Run(s.name, func(t *testing.T) {
			c := newCertificate(t)
			plain, withTLS := s.start(t, c)
			for _, version := range []string{"v1", "v2", ""} {
				for name, v := range map[string]struct {
					address string
					probe   *HTTPProbe
					passes  bool
				}{
					"plain":      {plain, &HTTPProbe{}, true},
					"h2c":        {plain, &HTTPProbe{Versions: []string{"h2c"}}, s.name == "haproxy"},
					"host":       {withTLS, &HTTPProbe{Host: "backend.test", Connection: Connection{TLS: c.trusted(t)}}, true},
					"HTTP/2":     {withTLS, &HTTPProbe{Host: "backend.test:443", Versions: []string{"1.1", "2"}, Connection: Connection{TLS: c.trusted(t)}}, true},
					"other host": {withTLS, &HTTPProbe{Host: "other.test", Connection: named("")}, false},
					"metadata":   {withTLS, &HTTPProbe{Host: "other.test", Connection: named("{endpoint.metadata.sni}")}, true},
				} {
					v.probe.ProxyProtocol = version
					e := &Endpoint{Address: v.address, Metadata: map[string]string{"sni": "backend.test"}}
					err := checked(t, provisioned(t, v.probe), e)
					if passes := v.passes && version != ""; (err == nil) != passes {
						t.Errorf("%s %q: got %v", name, version, err)
					}
				}
			}
		})
	}
}
