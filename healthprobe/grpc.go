package healthprobe

import (
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
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

func init() { caddy.RegisterModule(new(GRPCProbe)) }

// GRPCProbe asks the endpoint's [health service](https://grpc.io/docs/guides/health-checking/), `grpc.health.v1.Health/Check`,
// and passes if it is SERVING. Choose it for gRPC servers. It speaks HTTP/2 without TLS unless told otherwise.
//
// In `service` and `authority` the placeholders `{endpoint.host}`, `{endpoint.port}`, `{endpoint.address}`, `{endpoint.id}`,
// `{endpoint.zone}`, `{endpoint.metadata.<key>}`, `{env.*}` and `{file.*}` are replaced.
type GRPCProbe struct {
	Connection

	// The service to ask for, such as `package.Service`. Default: the server as a whole.
	Service string `json:"service,omitempty"`

	// The `:authority` of the call, which is also the name that TLS verifies. Default: the server name
	// given for TLS, else the probed host and port, or localhost for a unix socket.
	Authority string `json:"authority,omitempty"`

	service, authority text
}

// maxHealthAnswer is far more than the single number that an answer is.
const maxHealthAnswer = 4 << 10

// CaddyModule returns the Caddy module information.
func (*GRPCProbe) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.reverse_proxy.upstreams.pool.probes.grpc",
		New: func() caddy.Module { return new(GRPCProbe) },
	}
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
//	}
func (p *GRPCProbe) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	service := once("service", "a service such as package.Service", &p.Service, func(text string) bool { return text != "" })
	return caddyfile.Parse(d, caddyfile.Optional(service), caddyfile.Block(
		service,
		caddyfile.String("authority", &p.Authority),
		p.options(),
	))
}

// Provision implements caddy.Provisioner.
func (p *GRPCProbe) Provision(ctx caddy.Context) (err error) {
	if p.service, err = compile("service", p.Service); err != nil {
		return err
	}
	if p.authority, err = compile("authority", p.Authority); err != nil {
		return err
	}
	if p.TLS != nil && p.TLS.ServerName != "" && p.Authority != "" {
		return errors.New("authority: is given besides the server name of tls; gRPC has one name for both")
	}
	return p.provision(ctx)
}

// Check implements Probe.
func (p *GRPCProbe) Check(ctx context.Context, t *Target) error {
	to, err := p.address(t.Info)
	if err != nil {
		return err
	}
	connected, err := p.dial(ctx, to)
	if err != nil {
		return err
	}
	defer connected.Close()
	client, err := p.over(connected, t.Info, to)
	if err != nil {
		return err
	}
	defer client.Close()
	answer, err := healthpb.NewHealthClient(client).Check(ctx, &healthpb.HealthCheckRequest{Service: p.service.of(t.Info)})
	switch {
	case err != nil:
		return p.explain(ctx, err)
	case answer.Status != healthpb.HealthCheckResponse_SERVING:
		return fmt.Errorf("%s: %s", p.asked(), answer.Status)
	}
	return nil
}

// over is a client on one connection. gRPC's way is to connect by itself and again whenever
// the connection fails, and to tell neither what was wrong nor when.
func (p *GRPCProbe) over(connected net.Conn, e *listing.Info, to address) (*grpc.ClientConn, error) {
	var given atomic.Bool
	options := []grpc.DialOption{
		grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) {
			if given.Swap(true) {
				return nil, net.ErrClosed
			}
			return connected, nil
		}),
		grpc.WithTransportCredentials(p.credentials(to)),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxHealthAnswer)),
		grpc.WithMaxHeaderListSize(maxHeader),
		grpc.WithDisableServiceConfig(),
		grpc.WithDisableRetry(),
		grpc.WithNoProxy(),
	}
	if name := p.authorityOf(e, to); name != "" {
		options = append(options, grpc.WithAuthority(name))
	}
	return grpc.NewClient("passthrough:///"+to.authority(), options...)
}

// authorityOf is empty where the name comes from the credentials.
func (p *GRPCProbe) authorityOf(e *listing.Info, to address) string {
	switch {
	case p.Authority != "":
		return p.authority.of(e)
	case p.tls != nil && p.tls.ServerName != "":
		return ""
	}
	return to.authority()
}

func (p *GRPCProbe) credentials(to address) credentials.TransportCredentials {
	if p.tlsFor(to) == nil {
		return insecure.NewCredentials()
	}
	return credentials.NewTLS(p.tls) // names the authority by itself
}

func (p *GRPCProbe) asked() string {
	if p.Service == "" {
		return "server"
	}
	return fmt.Sprintf("service %q", p.Service)
}

func (p *GRPCProbe) explain(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", p.asked(), reason(ctx, err))
	}
	s := status.Convert(err)
	switch s.Code() {
	case codes.Unimplemented:
		return errors.New("the server has no grpc.health.v1.Health service")
	case codes.NotFound:
		return fmt.Errorf("%s: not known to the server", p.asked())
	case codes.Unavailable: // what gRPC quotes is what went wrong
		if _, cause, ok := strings.Cut(s.Message(), `desc = "`); ok {
			cause = strings.TrimPrefix(strings.TrimSuffix(cause, `"`), "transport: ")
			return shortened(fmt.Errorf("%s: %s", p.asked(), cause))
		}
	}
	return shortened(fmt.Errorf("%s: %s: %s", p.asked(), s.Code(), s.Message()))
}

// Interface guards
var (
	_ caddy.Provisioner     = (*GRPCProbe)(nil)
	_ caddyfile.Unmarshaler = (*GRPCProbe)(nil)
	_ Probe                 = (*GRPCProbe)(nil)
)
