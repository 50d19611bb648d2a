package healthprobe

import (
	"context"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	healthserver "google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

func serveGRPC(t *testing.T, service healthpb.HealthServer, options ...grpc.ServerOption) *Endpoint {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serveGRPCOn(t, listener, service, options...)
	return &Endpoint{Address: listener.Addr().String()}
}

func serveGRPCOn(t *testing.T, listener net.Listener, service healthpb.HealthServer, options ...grpc.ServerOption) {
	server := grpc.NewServer(options...)
	if service != nil {
		healthpb.RegisterHealthServer(server, service)
	}
	done := make(chan error)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() { server.Stop(); <-done })
}

// healthServer knows these services.
func healthServer(services map[string]healthpb.HealthCheckResponse_ServingStatus) *healthserver.Server {
	server := healthserver.NewServer()
	for name, status := range services {
		server.SetServingStatus(name, status)
	}
	return server
}

// recordingServer returns err from every check, and records the authority of the call.
type recordingServer struct {
	healthpb.UnimplementedHealthServer
	err       error
	authority []string
}

func (s *recordingServer) Check(
	ctx context.Context, _ *healthpb.HealthCheckRequest,
) (*healthpb.HealthCheckResponse, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	s.authority = md.Get(":authority")
	return &healthpb.HealthCheckResponse{Status: healthpb.HealthCheckResponse_SERVING}, s.err
}

func TestAGRPCProbeCallsTheHealthService(t *testing.T) {
	verifyNoLeaks(t)
	server := serveGRPC(t, healthServer(map[string]healthpb.HealthCheckResponse_ServingStatus{
		"up.Service": healthpb.HealthCheckResponse_SERVING, "down.Service": healthpb.HealthCheckResponse_NOT_SERVING,
	}))
	stopped := healthServer(nil)
	stopped.Shutdown()
	for i, c := range []struct {
		probe GRPCProbe
		e     *Endpoint
		want  string
	}{
		{GRPCProbe{}, server, ""},
		{GRPCProbe{Service: "up.Service"}, server, ""},
		{GRPCProbe{Service: "down.Service"}, server, `service "down.Service": NOT_SERVING`},
		{GRPCProbe{Service: "no.Service"}, server, `service "no.Service": not known to the server`},
		{GRPCProbe{}, serveGRPC(t, stopped), "server: NOT_SERVING"},
		{GRPCProbe{}, serveGRPC(t, nil), "the server has no grpc.health.v1.Health service"},
		{GRPCProbe{}, serveGRPC(t, &recordingServer{err: status.Error(codes.PermissionDenied, "not you")}), "server: PermissionDenied: not you"},
		{GRPCProbe{}, refusing(t), "connecting: connection refused"},
	} {
		wantError(t, string(rune('0'+i)), checked(t, provisioned(t, &c.probe), c.e), c.want)
	}
}

func TestAGRPCProbeSetsTheAuthority(t *testing.T) {
	server := &recordingServer{}
	e := serveGRPC(t, server)
	e.ID = "web-7"
	path := filepath.Join(t.TempDir(), "grpc.sock")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	serveGRPCOn(t, listener, server)
	for want, c := range map[string]struct {
		probe *GRPCProbe
		e     *Endpoint
	}{
		e.Address:    {&GRPCProbe{}, e},
		"web-7.test": {&GRPCProbe{Authority: "{endpoint.id}.test"}, e},
		"localhost":  {&GRPCProbe{}, &Endpoint{Address: "unix/" + path}},
	} {
		wantError(t, want, checked(t, provisioned(t, c.probe), c.e), "")
		if got := strings.Join(server.authority, " "); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestAGRPCProbeSpeaksTLS(t *testing.T) {
	verifyNoLeaks(t)
	c := newCertificate(t)
	server := &recordingServer{}
	e := serveGRPC(t, server, grpc.Creds(credentials.NewTLS(c.mutual())))
	named := c.presented(t)
	named.ServerName = "backend.test"
	wrong := c.presented(t)
	wrong.ServerName = "other.test"
	for name, v := range map[string]struct {
		probe     GRPCProbe
		want      string
		authority string
	}{
		"by address":     {GRPCProbe{Connection: Connection{TLS: c.presented(t)}}, "", e.Address},
		"by server name": {GRPCProbe{Connection: Connection{TLS: named}}, "", "backend.test"},
		"by authority":   {GRPCProbe{Authority: "backend.test", Connection: Connection{TLS: c.presented(t)}}, "", "backend.test"},
		"wrong name": {GRPCProbe{Connection: Connection{TLS: wrong}},
			"server: authentication handshake failed: tls: failed to verify certificate: x509: certificate is valid for backend.test, localhost, not other.test", ""},
		"not trusted": {GRPCProbe{Connection: Connection{TLS: new(reverseproxy.TLSConfig)}},
			"server: authentication handshake failed: tls: failed to verify certificate: x509: certificate signed by unknown authority", ""},
	} {
		server.authority = nil
		wantError(t, name, checked(t, provisioned(t, &v.probe), e), v.want)
		if got := strings.Join(server.authority, " "); got != v.authority {
			t.Errorf("%s: got %s, want %s", name, got, v.authority)
		}
	}
}

func TestAGRPCProbeReportsServersThatAreNotGRPC(t *testing.T) {
	verifyNoLeaks(t)
	probe := provisioned(t, &GRPCProbe{Service: "a.B"})
	wantTimeout(t, "hanging", probe, serve(t, hangs), `service "a.B": timed out`)
	wantError(t, "garbage", checked(t, probe, serve(t, says("SSH-2.0-OpenSSH_9.9\r\n"))),
		`service "a.B": error reading server preface: http2: frame too large`)
	wantError(t, "HTTP/1.1", checked(t, probe, serveHTTP(t, answering(200))), `service "a.B": error reading server preface: `+
		"http2: failed reading the frame payload: http2: frame too large, note that the frame header looked like an HTTP/1.1 header")
	// Which error a connection has that is closed at once is a race.
	if err := checked(t, probe, serve(t, func(net.Conn) {})); err == nil || !strings.HasPrefix(err.Error(), `service "a.B": `) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- probe.Check(ctx, &Target{Endpoint: serve(t, hangs)}) }()
	cancel()
	if err := <-ended; err == nil || !strings.HasSuffix(err.Error(), "context canceled") {
		t.Errorf("got %v", err)
	}
}

func TestProvisionRefusesMistakesInAGRPCProbe(t *testing.T) {
	both := Connection{TLS: &reverseproxy.TLSConfig{ServerName: "a.test"}}
	wantRefused(t, map[string]*GRPCProbe{
		"service: unrecognized placeholder {a.b}":                                      {Service: "{a.b}"},
		"authority: unrecognized placeholder {a.b}":                                    {Authority: "{a.b}"},
		"authority: conflicts with the server name of tls; gRPC has one name for both": {Authority: "b.test", Connection: both},
	})
}
