package healthprobe_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/healthprobe"
)

func init() { caddy.RegisterModule(new(MemcachedProbe)) }

// MemcachedProbe asks for the version and passes if there is one.
//
// Choose it for Memcached. A server that has no connection left fails.
type MemcachedProbe struct {
	healthprobe.Connection

	// What the version must begin with, such as `1.6.`. Default: any version passes.
	Version string `json:"version,omitempty"`
}

// CaddyModule returns the Caddy module information.
func (*MemcachedProbe) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.reverse_proxy.upstreams.pool.probes.memcached",
		New: func() caddy.Module { return new(MemcachedProbe) },
	}
}

// UnmarshalCaddyfile sets up the probe from Caddyfile tokens. Syntax:
//
//	probe memcached {
//	    version  <text>
//	    upstream <address>
//	    port     <port>
//	    tls ...
//	}
func (p *MemcachedProbe) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return caddyfile.Parse(d, caddyfile.Block(caddyfile.String("version", &p.Version), p.Options()))
}

// Provision implements caddy.Provisioner.
func (p *MemcachedProbe) Provision(ctx caddy.Context) error { return p.ProvisionConnection(ctx) }

// Check implements healthprobe.Probe.
func (p *MemcachedProbe) Check(ctx context.Context, t *healthprobe.Target) error {
	conn, err := p.Connect(ctx, t.Endpoint)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "version\r\n"); err != nil {
		return fmt.Errorf("sending: %w", healthprobe.Reason(ctx, err))
	}
	answer, err := bufio.NewReader(io.LimitReader(conn, 4096)).ReadString('\n')
	if err != nil {
		return fmt.Errorf("waiting for the version: %w", healthprobe.Reason(ctx, err))
	}
	if !strings.HasPrefix(answer, "VERSION "+p.Version) {
		return fmt.Errorf("the answer is %.60q", strings.TrimSpace(answer))
	}
	return nil
}

// Interface guards
var (
	_ caddy.Provisioner     = (*MemcachedProbe)(nil)
	_ caddyfile.Unmarshaler = (*MemcachedProbe)(nil)
	_ healthprobe.Probe     = (*MemcachedProbe)(nil)
)

// A probe of a protocol that this package does not know, and one check of an endpoint. In a pool,
// the prober makes the checks.
func Example() {
	ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
	defer cancel()
	probe := &MemcachedProbe{Version: "1."}
	if err := probe.Provision(ctx); err != nil {
		fmt.Println(err)
		return
	}
	for _, answer := range []string{"VERSION 1.6.40\r\n", "ERROR Too many open connections\r\n", ""} {
		fmt.Println(checkOnce(probe, answer))
	}
	// Output:
	// <nil>
	// the answer is "ERROR Too many open connections"
	// waiting for the version: the connection was closed before the answer was complete
}

// checkOnce checks a server that answers the first command of each connection with this text.
func checkOnce(probe healthprobe.Probe, answer string) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer listener.Close()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			bufio.NewReader(conn).ReadString('\n')
			io.WriteString(conn, answer)
			conn.Close()
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	endpoint := &healthprobe.Endpoint{Address: listener.Addr().String()}
	return probe.Check(ctx, &healthprobe.Target{Endpoint: endpoint})
}

// drainingProbe lets an endpoint ask for no new requests.
type drainingProbe struct{ healthprobe.Probe }

// Advise implements healthprobe.Adviser.
func (p drainingProbe) Advise(ctx context.Context, t *healthprobe.Target) (healthprobe.Advice, error) {
	mode := healthprobe.AdvisedReady
	if t.Metadata["state"] == "leaving" {
		mode = healthprobe.AdvisedDrain
	}
	return healthprobe.Advice{Mode: &mode}, p.Check(ctx, t)
}

// A probe that also returns advice. The pool gives the endpoint no new requests, though its check
// passes.
func ExampleAdviser() {
	var adviser healthprobe.Adviser = drainingProbe{passingProbe{}}
	leaving := &healthprobe.Endpoint{Address: "10.0.0.7:80", Metadata: map[string]string{"state": "leaving"}}
	advice, err := adviser.Advise(context.Background(), &healthprobe.Target{Endpoint: leaving})
	fmt.Println(*advice.Mode == healthprobe.AdvisedDrain, err)
	// Output: true <nil>
}

type passingProbe struct{}

func (passingProbe) Check(context.Context, *healthprobe.Target) error { return nil }
