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

func init() { caddy.RegisterModule(new(RedisProbe)) }

// RedisProbe sends PING and passes if the answer is PONG.
//
// Choose it for Redis and Valkey. A server that loads its data or has lost its disk fails.
type RedisProbe struct {
	healthprobe.Connection

	// The password to authenticate with. Default: none.
	Password string `json:"password,omitempty"`
}

// CaddyModule returns the Caddy module information.
func (*RedisProbe) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.reverse_proxy.upstreams.pool.probes.redis",
		New: func() caddy.Module { return new(RedisProbe) },
	}
}

// UnmarshalCaddyfile sets up the probe from Caddyfile tokens. Syntax:
//
//	probe redis {
//	    password <text>
//	    upstream <address>
//	    port     <port>
//	    tls ...
//	}
func (p *RedisProbe) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return caddyfile.Parse(d, caddyfile.Block(caddyfile.String("password", &p.Password), p.Options()))
}

// Provision implements caddy.Provisioner.
func (p *RedisProbe) Provision(ctx caddy.Context) error {
	p.Password = caddy.NewReplacer().ReplaceKnown(p.Password, "") // so that {env.*} works
	return p.ProvisionConnection(ctx)
}

// Check implements healthprobe.Probe.
func (p *RedisProbe) Check(ctx context.Context, t *healthprobe.Target) error {
	conn, err := p.Connect(ctx, t.Endpoint)
	if err != nil {
		return err
	}
	defer conn.Close()
	answers := bufio.NewReader(io.LimitReader(conn, 4096))
	if p.Password != "" {
		if err := command(ctx, conn, answers, "AUTH", "+OK", p.Password); err != nil {
			return err
		}
	}
	return command(ctx, conn, answers, "PING", "+PONG")
}

// command sends one command and compares the first line of the answer. Its errors name the command
// and never an argument, which may be a secret.
func command(ctx context.Context, w io.Writer, r *bufio.Reader, name, expected string, arguments ...string) error {
	line := strings.Join(append([]string{name}, arguments...), " ")
	if _, err := io.WriteString(w, line+"\r\n"); err != nil {
		return fmt.Errorf("%s: %w", name, healthprobe.Reason(ctx, err))
	}
	answer, err := r.ReadString('\n')
	if err != nil {
		return fmt.Errorf("%s: %w", name, healthprobe.Reason(ctx, err))
	}
	if answer = strings.TrimSpace(answer); answer != expected {
		return fmt.Errorf("%s: the answer is %.60q, not %q", name, answer, expected)
	}
	return nil
}

// Interface guards
var (
	_ caddy.Provisioner     = (*RedisProbe)(nil)
	_ caddyfile.Unmarshaler = (*RedisProbe)(nil)
	_ healthprobe.Probe     = (*RedisProbe)(nil)
)

// A probe of a protocol that this package does not know, and one check of an endpoint. In a pool,
// the prober makes the checks.
func Example() {
	ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
	defer cancel()
	probe := new(RedisProbe)
	if err := probe.Provision(ctx); err != nil {
		fmt.Println(err)
		return
	}
	for _, answer := range []string{"+PONG\r\n", "-LOADING Redis is loading the dataset in memory\r\n", ""} {
		fmt.Println(checkOnce(probe, answer))
	}
	// Output:
	// <nil>
	// PING: the answer is "-LOADING Redis is loading the dataset in memory", not "+PONG"
	// PING: the connection was closed before the answer was complete
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
