package healthprobe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"

	"github.com/caddyserver/caddy/v2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/internal/options"
)

func init() { caddy.RegisterModule(new(GRPCProbe)) }

// GRPCProbe calls the endpoint's [health service](https://grpc.io/docs/guides/health-checking/),
// `grpc.health.v1.Health/Check`, and passes if the answer is SERVING. A server without that service
// fails.
//
// Choose it for gRPC servers. It speaks HTTP/2 without TLS unless `tls` is set, and each check
// makes a new connection.
//
// In `service` and `authority` the placeholders `{endpoint.host}`, `{endpoint.port}`,
// `{endpoint.address}`, `{endpoint.id}`, `{endpoint.zone}`, `{endpoint.metadata.<key>}`, `{env.*}`
// and `{file.*}` are replaced.
type GRPCProbe struct {
	Connection

	// The service to ask for, such as `package.Service`. A service that the server does not know
	// fails. Default: the server as a whole.
	Service string `json:"service,omitempty"`

	// The `:authority` of the call, and the name that the certificate must have. It is not allowed
	// together with the server name of TLS. Default: the server name of TLS, else the probed host
	// and port, or localhost for a unix socket.
	Authority string `json:"authority,omitempty"`

	service, authority template
}

// maxHealthAnswer is the maximum size of an answer in bytes. An answer is a single small number.
const maxHealthAnswer = 4 << 10

// CaddyModule returns the Caddy module information.
func (*GRPCProbe) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.reverse_proxy.upstreams.pool.probes.grpc",
		New: func() caddy.Module { return new(GRPCProbe) },
	}
}

// UnmarshalJSON makes errors name the option.
func (p *GRPCProbe) UnmarshalJSON(data []byte) error {
	type fields GRPCProbe
	return options.Decode(data, (*fields)(p))
}

// UnmarshalCaddyfile sets up the probe from Caddyfile tokens. Syntax:
//
//	probe grpc [<service>] {
//	    service          <service>
//	    authority        <name>
//	    upstream         <address>
//	    port             <port>
//	    tls
//	    tls_server_name  <name>
//	    tls_trust_pool   <module> ...
//	    tls_client_auth  <certificate file> <key file>
//	    tls_insecure_skip_verify
//	    proxy_protocol   <v1|v2>
//	}
func (p *GRPCProbe) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	service := caddyfile.Once("service", "a service such as package.Service", &p.Service, func(text string) bool {
		return text != ""
	})
	return caddyfile.Parse(d, caddyfile.Optional(service), caddyfile.Block(
		service,
		caddyfile.String("authority", &p.Authority),
		p.Options(),
	))
}

// Provision implements caddy.Provisioner.
func (p *GRPCProbe) Provision(ctx caddy.Context) (err error) {
	if p.service, err = compileTemplate("service", p.Service); err != nil {
		return err
	}
	if p.authority, err = compileTemplate("authority", p.Authority); err != nil {
		return err
	}
	if p.TLS != nil && p.TLS.ServerName != "" && p.Authority != "" {
		return errors.New("authority: conflicts with the server name of tls; gRPC has one name for both")
	}
	return p.ProvisionConnection(ctx)
}

// Check implements Probe.
func (p *GRPCProbe) Check(ctx context.Context, t *Target) error {
	a, err := p.addressOf(t.Endpoint)
	if err != nil {
		return err
	}
	connected, err := p.dial(ctx, a)
	if err != nil {
		return err
	}
	defer connected.Close()
	client, err := p.newClient(connected, t.Endpoint, a)
	if err != nil {
		return err
	}
	defer client.Close()
	request := &healthpb.HealthCheckRequest{Service: p.service.expand(t.Endpoint)}
	answer, err := healthpb.NewHealthClient(client).Check(ctx, request)
	switch {
	case err != nil:
		return p.failure(ctx, err)
	case answer.Status != healthpb.HealthCheckResponse_SERVING:
		return fmt.Errorf("%s: %s", p.subject(), answer.Status)
	}
	return nil
}

// newClient returns a client on a connection that the probe has made. A client that connects by
// itself would reconnect after each failure, and would not report the reason of the failure.
func (p *GRPCProbe) newClient(connected net.Conn, e *Endpoint, a address) (*grpc.ClientConn, error) {
	var used atomic.Bool
	security, authority := p.identify(e, a)
	options := []grpc.DialOption{
		grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) {
			if used.Swap(true) {
				return nil, net.ErrClosed
			}
			return connected, nil
		}),
		grpc.WithTransportCredentials(security),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxHealthAnswer)),
		grpc.WithMaxHeaderListSize(maxHeader),
		grpc.WithDisableServiceConfig(),
		grpc.WithDisableRetry(),
		grpc.WithNoProxy(),
	}
	if authority != "" {
		options = append(options, grpc.WithAuthority(authority))
	}
	// The target must be a URL, which an address with a zone is not. Its name has no effect,
	// because the connection is there.
	return grpc.NewClient("passthrough:///endpoint", options...)
}

// identify returns the credentials and the authority of a call. The authority is empty if it is the
// server name of the credentials. Without one there, gRPC takes it from the authority.
func (p *GRPCProbe) identify(e *Endpoint, a address) (credentials.TransportCredentials, string) {
	authority := cmp.Or(p.authority.expand(e), a.authority())
	config := p.tlsFor(a)
	if config == nil {
		return insecure.NewCredentials(), authority
	}
	if config.ServerName = p.serverNameOf(e); config.ServerName != "" {
		authority = ""
	}
	return credentials.NewTLS(config), authority
}

// subject names what was asked for, in errors.
func (p *GRPCProbe) subject() string {
	if p.Service == "" {
		return "server"
	}
	return fmt.Sprintf("service %q", p.Service)
}

// failure turns an error of gRPC into words for a log line.
func (p *GRPCProbe) failure(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", p.subject(), Reason(ctx, err))
	}
	s := status.Convert(err)
	switch s.Code() {
	case codes.Unimplemented:
		return errors.New("the server has no grpc.health.v1.Health service")
	case codes.NotFound:
		return fmt.Errorf("%s: not known to the server", p.subject())
	case codes.Unavailable: // the cause is quoted in the message
		if _, cause, ok := strings.Cut(s.Message(), `desc = "`); ok {
			cause = strings.TrimPrefix(strings.TrimSuffix(cause, `"`), "transport: ")
			return truncate(fmt.Errorf("%s: %s", p.subject(), cause))
		}
	}
	return truncate(fmt.Errorf("%s: %s: %s", p.subject(), s.Code(), s.Message()))
}

// Interface guards
var (
	_ caddy.Provisioner     = (*GRPCProbe)(nil)
	_ caddyfile.Unmarshaler = (*GRPCProbe)(nil)
	_ Probe                 = (*GRPCProbe)(nil)
)
