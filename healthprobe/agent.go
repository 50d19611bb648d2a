package healthprobe

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

func init() { caddy.RegisterModule(new(AgentProbe)) }

// AgentProbe asks an agent beside the endpoint how it wants to be treated, by the protocol of HAProxy's
// [agent-check](https://docs.haproxy.org/3.2/configuration.html#5.2-agent-check): it connects, and reads one line of words
// between spaces, tabs or commas, in any case.
//
//	up                    passes
//	down, fail, stopped   fails; a reason may follow, as in "down # disk full"
//	ready, drain, maint   gets requests, gets nothing new, or gets nothing at all
//	75%                   the share of the weight that its source gave it; 0% drains
//	maxconn:30            the most requests in flight, instead of the source's limit; 0 for no limit
//
// A line without up or down passes. What a line does not mention stays as it was: only "ready" takes a "drain" back. Of two
// words of a kind the later one counts. A line with an unknown word fails, and nothing of it counts.
//
// Choose it for backends that know their load, or that an operator drains at the backend itself.
type AgentProbe struct {
	Connection

	// What to send once connected, with Go's escapes such as `\n` and the placeholders of other probes. Default: nothing.
	Send string `json:"send,omitempty"`

	// Whether an agent that cannot be reached says nothing instead of failing, as in HAProxy, where another check
	// sees whether the endpoint works. Default: it fails, since nothing else asks.
	Optional bool `json:"optional,omitempty"`

	send text
}

// CaddyModule returns the Caddy module information.
func (*AgentProbe) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.reverse_proxy.upstreams.pool.probes.agent",
		New: func() caddy.Module { return new(AgentProbe) },
	}
}

// UnmarshalCaddyfile sets up the probe from Caddyfile tokens; port or upstream is required. Syntax:
//
//	probe agent {
//	    port             <port>
//	    upstream         <address>
//	    send             <text>
//	    optional
//	    tls
//	    tls_server_name  <name>
//	    tls_trust_pool   <module> ...
//	    tls_client_auth  <certificate file> <key file>
//	    tls_insecure_skip_verify
//	}
func (p *AgentProbe) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return caddyfile.Parse(d, caddyfile.Block(
		caddyfile.String("send", &p.Send),
		caddyfile.Flag("optional", &p.Optional),
		p.options(),
	))
}

// Provision implements caddy.Provisioner.
func (p *AgentProbe) Provision(ctx caddy.Context) (err error) {
	if p.Port == "" && p.Upstream == "" {
		return errors.New("port: is missing; expected where the agent listens, since it is not the endpoint itself")
	}
	if p.send, err = compileEscaped("send", p.Send); err != nil {
		return err
	}
	return p.provision(ctx)
}

// Check implements Probe.
func (p *AgentProbe) Check(ctx context.Context, t *Target) error {
	_, err := p.Advise(ctx, t)
	return err
}

// Advise implements Adviser.
func (p *AgentProbe) Advise(ctx context.Context, t *Target) (endpoint.Advice, error) {
	to, err := p.address(t.Info)
	if err != nil {
		return endpoint.Advice{}, err
	}
	connected, err := p.connect(ctx, to)
	if err != nil {
		if p.Optional && !errors.Is(ctx.Err(), context.Canceled) {
			err = nil
		}
		return endpoint.Advice{}, err
	}
	defer connected.Close()
	if said := p.send.of(t.Info); said != "" {
		if _, err := io.WriteString(connected, said); err != nil {
			return endpoint.Advice{}, fmt.Errorf("sending: %w", reason(ctx, err))
		}
	}
	line, err := readLine(connected)
	if err != nil {
		return endpoint.Advice{}, fmt.Errorf("waiting for a line: %w", reason(ctx, err))
	}
	return parseAgentLine(line)
}

// maxLine holds every word there is many times over.
const maxLine = 1 << 10

// readLine wants the end of the line as well: without it, 100% may have arrived as 10.
func readLine(r io.Reader) (string, error) {
	lines := bufio.NewReaderSize(io.LimitReader(r, maxLine), maxLine)
	var line []byte
	for {
		switch c, err := lines.ReadByte(); {
		case err != nil && len(line) == maxLine:
			return "", errors.New("the line is longer than 1 KiB")
		case err != nil:
			return "", err
		case c == '\r' || c == '\n':
			return string(line), nil
		default:
			line = append(line, c)
		}
	}
}

// Interface guards
var (
	_ caddy.Provisioner     = (*AgentProbe)(nil)
	_ caddyfile.Unmarshaler = (*AgentProbe)(nil)
	_ Adviser               = (*AgentProbe)(nil)
)
