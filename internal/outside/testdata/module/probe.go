package outside

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/healthprobe"
)

func init() { caddy.RegisterModule(new(Probe)) }

// Probe asks a line protocol for the state of the endpoint. It passes unless the answer is "down",
// and the answer "drain" keeps new requests away.
type Probe struct {
	healthprobe.Connection

	// The question to send. Default: state?
	Question string `json:"question,omitempty"`
}

// CaddyModule returns the Caddy module information.
func (*Probe) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.reverse_proxy.upstreams.pool.probes.outside",
		New: func() caddy.Module { return new(Probe) },
	}
}

// UnmarshalCaddyfile sets up the probe from Caddyfile tokens. Syntax:
//
//	probe outside {
//	    question <text>
//	    upstream <address>
//	    port     <port>
//	    tls ...
//	}
func (p *Probe) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return caddyfile.Parse(d, caddyfile.Block(caddyfile.String("question", &p.Question), p.Options()))
}

// Provision implements caddy.Provisioner.
func (p *Probe) Provision(ctx caddy.Context) error {
	if p.Question == "" {
		p.Question = "state?"
	}
	return p.ProvisionConnection(ctx)
}

// Check implements healthprobe.Probe.
func (p *Probe) Check(ctx context.Context, t *healthprobe.Target) error {
	_, err := p.Advise(ctx, t)
	return err
}

// Advise implements healthprobe.Adviser.
func (p *Probe) Advise(ctx context.Context, t *healthprobe.Target) (healthprobe.Advice, error) {
	conn, err := p.Connect(ctx, t.Endpoint)
	if err != nil {
		return healthprobe.Advice{}, err
	}
	defer conn.Close()
	if _, err := fmt.Fprintln(conn, p.Question); err != nil {
		return healthprobe.Advice{}, fmt.Errorf("sending: %w", healthprobe.Reason(ctx, err))
	}
	answer, err := bufio.NewReader(io.LimitReader(conn, 1024)).ReadString('\n')
	if err != nil {
		return healthprobe.Advice{}, fmt.Errorf("waiting for an answer: %w", healthprobe.Reason(ctx, err))
	}
	mode := healthprobe.AdvisedReady
	switch strings.TrimSpace(answer) {
	case "down":
		return healthprobe.Advice{}, fmt.Errorf("endpoint %s says that it is down", t.ID)
	case "drain":
		mode = healthprobe.AdvisedDrain
	}
	return healthprobe.Advice{Mode: &mode}, nil
}

// Interface guards
var (
	_ caddy.Provisioner     = (*Probe)(nil)
	_ caddyfile.Unmarshaler = (*Probe)(nil)
	_ healthprobe.Adviser   = (*Probe)(nil)
)
