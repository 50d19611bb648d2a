package healthprobe

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
)

// recordingNames returns the settings of a server that records the server name of each handshake.
func recordingNames(config *tls.Config, last *string) *tls.Config {
	config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		*last = hello.ServerName
		return nil, nil
	}
	return config
}

// named returns TLS settings that accept any certificate for this name.
func named(name string) Connection {
	return Connection{TLS: &reverseproxy.TLSConfig{ServerName: name, InsecureSkipVerify: true}}
}

func TestTheServerNameOfTLS(t *testing.T) {
	for i, c := range []struct{ serverName, host, sni, want string }{
		{"", "", "", ""}, // an address is no server name
		{"a.test", "", "", "a.test"},
		{"{endpoint.metadata.sni}", "", "web-7.test", "web-7.test"},
		{"{endpoint.id}.test", "", "", "web-7.test"},
		{"{endpoint.metadata.sni}", "", "", ""},
		{"{env.PROBE_NAME}", "", "", "env.test"},
		{"", "b.test", "", "b.test"},
		{"", "b.test:8443", "", "b.test"},
		{"", "{endpoint.metadata.sni}", "web-7.test", "web-7.test"},
		{"", "[::1]:8443", "", ""},
		{"a.test", "b.test", "", "a.test"},
		{"{endpoint.metadata.sni}", "b.test", "web-7.test", "web-7.test"},
		{"{endpoint.metadata.sni}", "b.test", "", "b.test"},
	} {
		t.Setenv("PROBE_NAME", "env.test")
		var got, host string
		config := recordingNames(newCertificate(t).server(), &got)
		server := newTLSServer(t, config, func(r *http.Request) { host = r.Host })
		e := &Endpoint{Address: server, ID: "web-7", Metadata: map[string]string{"sni": c.sni}}
		probe := provisioned(t, &HTTPProbe{Host: c.host, Connection: named(c.serverName)})
		wantError(t, c.serverName, checked(t, probe, e), "")
		if got != c.want {
			t.Errorf("%d: the server name is %q, want %q", i, got, c.want)
		}
		if c.host == "b.test" && host != "b.test" {
			t.Errorf("%d: the Host is %q", i, host)
		}
	}
}

func TestTheCertificateMustBeForTheHost(t *testing.T) {
	c := newCertificate(t)
	server := newTLSServer(t, c.server(), func(*http.Request) {})
	for host, want := range map[string]string{
		"":             "",
		"backend.test": "",
		"other.test":   "TLS handshake: tls: failed to verify certificate: x509: certificate is valid for backend.test, localhost, not other.test",
	} {
		probe := provisioned(t, &HTTPProbe{Host: host, Connection: Connection{TLS: c.trusted(t)}})
		wantError(t, host, checked(t, probe, &Endpoint{Address: server}), want)
	}
}

func newTLSServer(t *testing.T, config *tls.Config, handle func(*http.Request)) (address string) {
	listener, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{
		Handler:  http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { handle(r) }),
		ErrorLog: discardLog,
	}
	go server.Serve(listener)
	t.Cleanup(func() { server.Close() })
	return listener.Addr().String()
}

func TestEveryProbeNamesTheServerOfTheEndpoint(t *testing.T) {
	verifyNoLeaks(t)
	e := &Endpoint{Metadata: map[string]string{"sni": "web-7.test"}}
	byEndpoint := named("{endpoint.metadata.sni}")
	for name, probe := range map[string]Probe{
		"tcp":   provisioned(t, &TCPProbe{Connection: byEndpoint, Send: "x", Expect: "up"}),
		"agent": provisioned(t, &AgentProbe{Connection: Connection{TLS: byEndpoint.TLS, Upstream: "{endpoint.address}"}}),
	} {
		var got string
		listener, err := tls.Listen("tcp", "127.0.0.1:0", recordingNames(newCertificate(t).server(), &got))
		if err != nil {
			t.Fatal(err)
		}
		serveOn(t, listener, func(c net.Conn) { io.WriteString(c, "up\n"); hangs(c) })
		e.Address = listener.Addr().String()
		if wantError(t, name, checked(t, probe, e), ""); got != "web-7.test" {
			t.Errorf("%s: the server name is %q", name, got)
		}
	}
}

func TestAGRPCProbeNamesTheServerOfTheEndpoint(t *testing.T) {
	verifyNoLeaks(t)
	for i, c := range []struct{ serverName, authority, sni, wantName, wantAuthority string }{
		{"{endpoint.metadata.sni}", "", "web-7.test", "web-7.test", "web-7.test"},
		{"{endpoint.metadata.sni}", "", "", "", "address"},
		{"", "{endpoint.metadata.sni}:443", "web-7.test", "web-7.test", "web-7.test:443"},
		{"", "{endpoint.metadata.sni}", "", "", "address"},
	} {
		var got string
		server := new(recordingServer)
		e := serveGRPC(t, server, grpc.Creds(credentials.NewTLS(recordingNames(newCertificate(t).server(), &got))))
		e.Metadata = map[string]string{"sni": c.sni}
		wantError(t, c.sni, checked(t, provisioned(t, &GRPCProbe{Authority: c.authority, Connection: named(c.serverName)}), e), "")
		authority := strings.ReplaceAll(c.wantAuthority, "address", e.Address)
		if got != c.wantName || strings.Join(server.authority, " ") != authority {
			t.Errorf("%d: got %q and %q, want %q and %q", i, got, server.authority, c.wantName, authority)
		}
	}
}

// A connection that was made for another server name may reach another application.
func TestANewServerNameMeansANewConnection(t *testing.T) {
	var names []string
	var last string
	server := newTLSServer(t, recordingNames(newCertificate(t).server(), &last), func(*http.Request) { names = append(names, last); last = "kept" })
	probe := provisioned(t, &HTTPProbe{Connection: named("{endpoint.metadata.sni}")})
	target := new(Target)
	for i, sni := range []string{"a.test", "a.test", "b.test"} {
		target.Endpoint = &Endpoint{Address: server, Metadata: map[string]string{"sni": sni}}
		wantError(t, sni, checkedAgain(t, probe, target, i == 2), "")
	}
	if got := strings.Join(names, " "); got != "a.test kept b.test" {
		t.Errorf("got %s", got)
	}
}

// literalOptions are the options that name nothing of an endpoint.
var literalOptions = map[string]bool{
	"Method": true, "Versions": true, "ExpectStatus": true, "FollowRedirects": true, "MaxSize": true,
	"FreshConnections": true, "Optional": true, "ProxyProtocol": true, "Role": true, "Sentinels": true,
}

func TestEveryOptionThatNamesSomethingOfTheEndpointHasPlaceholders(t *testing.T) {
	const unknown = "{endpoint.unknown}"
	for _, info := range caddy.GetModules("http.reverse_proxy.upstreams.pool.probes") {
		module, ok := info.New().(caddy.Provisioner)
		if !ok || !strings.HasSuffix(reflect.TypeOf(module).Elem().PkgPath(), "/healthprobe") {
			continue
		}
		walkOptions(reflect.TypeOf(module).Elem(), func(index []int, field reflect.StructField) {
			probe := info.New().(caddy.Provisioner)
			value := reflect.ValueOf(probe).Elem()
			if agent, ok := probe.(*AgentProbe); ok && field.Name != "Port" {
				agent.Upstream = "a:80"
			}
			switch option := value.FieldByIndex(index); option.Kind() {
			case reflect.String:
				option.SetString(unknown)
			case reflect.Map:
				option.Set(reflect.MakeMap(option.Type()))
				setUnknown(option, unknown)
			case reflect.Pointer: // tls
				option.Set(reflect.ValueOf(&reverseproxy.TLSConfig{ServerName: unknown}))
			default:
				t.Errorf("%s: %s is a %s", info.ID, field.Name, option.Kind())
				return
			}
			if err := provision(t, probe); err == nil || !strings.Contains(err.Error(), unknown+": is not known") {
				t.Errorf("%s: %s is taken literally (%v)", info.ID, field.Name, err)
			}
		})
	}
}

// setUnknown adds a text, or a list of one text, to a map.
func setUnknown(option reflect.Value, text string) {
	value := reflect.ValueOf(text)
	if option.Type().Elem().Kind() == reflect.Slice {
		value = reflect.ValueOf([]string{text})
	}
	option.SetMapIndex(reflect.ValueOf("A"), value)
}

// walkOptions calls each with every option of a probe that is not literal.
func walkOptions(probe reflect.Type, each func(index []int, field reflect.StructField)) {
	for _, field := range reflect.VisibleFields(probe) {
		if field.IsExported() && !field.Anonymous && !literalOptions[field.Name] {
			each(field.Index, field)
		}
	}
}
