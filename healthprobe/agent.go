package healthprobe

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/internal/options"
)

func init() { caddy.RegisterModule(new(AgentProbe)) }

// AgentProbe asks an agent beside the endpoint how the endpoint wants to be treated, by the
// protocol of HAProxy's
// [agent-check](https://docs.haproxy.org/3.2/configuration.html#5.2-agent-check). It connects and
// reads one line, which ends with the connection at the latest. The words of the line, in upper or
// lower case, are separated by spaces, tabs or commas:
//
//	up                    the check passes
//	down, fail, stopped   the check fails; a reason may follow, as in "down # disk full"
//	ready, drain, maint   the endpoint gets all requests, no new requests, or none at all
//	75%, weight:75%       the share of the weight that the source gives; 0% drains
//	weight:128            the weight, instead of the source's, up to 65535; 0 drains
//	maxconn:30            the maximum of requests in flight, instead of the source's; 0: no limit
//
// What a line does not mention stays as it was, so only "up" ends a "down", and only "ready" ends a
// "drain". All of it is forgotten when the endpoint leaves the pool or its source gives it another
// ID, because another process is there then. A line without "up" or "down" passes unless the last
// of these words was "down".
//
// Of two words of one kind the later one counts. Unknown words have no effect, and one warning
// names them. A line without any known word, and an empty answer, leave the state as it is.
//
// Choose it for backends that know their load, or that an operator drains at the backend itself.
type AgentProbe struct {
	Connection

	// The text to send after connecting, with Go's escapes such as `\n` and the placeholders of
	// `probe tcp`. Default: nothing.
	Send string `json:"send,omitempty"`

	// Whether the check passes if the agent cannot be reached, as in HAProxy, where another check
	// finds out whether the endpoint works. Choose it if the agent may be down while its endpoint
	// works. Default: false, which fails the check, because a pool may have no other one.
	Optional bool `json:"optional,omitempty"`

	send template
}

// CaddyModule returns the Caddy module information.
func (*AgentProbe) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.reverse_proxy.upstreams.pool.probes.agent",
		New: func() caddy.Module { return new(AgentProbe) },
	}
}

// UnmarshalJSON makes errors name the option.
func (p *AgentProbe) UnmarshalJSON(data []byte) error {
	type fields AgentProbe
	return options.Decode(data, (*fields)(p))
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
//	    proxy_protocol   <v1|v2>
//	}
func (p *AgentProbe) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return caddyfile.Parse(d, caddyfile.Block(
		caddyfile.String("send", &p.Send),
		caddyfile.Flag("optional", &p.Optional),
		p.Options(),
	))
}

// Provision implements caddy.Provisioner.
func (p *AgentProbe) Provision(ctx caddy.Context) (err error) {
	if p.Port == "" && p.Upstream == "" {
		return errors.New("port: is missing; expected the port of the agent, or its address as upstream")
	}
	if p.send, err = compileEscapedTemplate("send", p.Send); err != nil {
		return err
	}
	return p.ProvisionConnection(ctx)
}

// Check implements Probe.
func (p *AgentProbe) Check(ctx context.Context, t *Target) error {
	_, err := p.Advise(ctx, t)
	return err
}

// Advise implements Adviser.
func (p *AgentProbe) Advise(ctx context.Context, t *Target) (Advice, error) {
	a, err := p.addressOf(t.Endpoint)
	if err != nil {
		return Advice{}, err
	}
	connected, err := p.connect(ctx, a)
	if err != nil {
		if p.Optional && !errors.Is(ctx.Err(), context.Canceled) {
			err = nil
		}
		return Advice{}, err
	}
	defer connected.Close()
	sent := p.send.expand(t.Endpoint)
	if sent != "" {
		if _, err := io.WriteString(connected, sent); err != nil {
			return Advice{}, fmt.Errorf("sending: %w", Reason(ctx, err))
		}
	}
	line, err := readLine(connected)
	if err != nil {
		return Advice{}, fmt.Errorf("waiting for a line: %w", Reason(ctx, err))
	}
	return interpretLine(t, line, sent)
}

// interpretLine returns what the line of an agent means for its endpoint. What it repeats of the
// text that was sent is not shown.
func interpretLine(t *Target, line, sent string) (Advice, error) {
	reply := parseAgentReply(line)
	t.unknown = nil
	for _, word := range reply.unknown {
		t.unknown = append(t.unknown, hide(word, sent))
	}
	if !reply.known {
		quoted := excerpt([]byte(line), sent)
		return Advice{}, fmt.Errorf("the agent's line, %s, has no known word: %w", quoted, ErrInconclusive)
	}
	if reply.down != nil {
		return reply.advice, errors.New(hide(reply.down.Error(), sent))
	}
	return reply.advice, nil
}

// maxLine is the maximum length of the line. A line with every word once has less than 100 bytes.
const maxLine = 1 << 10

// readLine reads up to the end of the line, or of the connection, which need not be an orderly end
// if there is something to read: an agent that closes without reading what it was sent resets it.
func readLine(r io.Reader) (string, error) {
	lines := bufio.NewReaderSize(io.LimitReader(r, maxLine), maxLine)
	var line []byte
	for {
		switch c, err := lines.ReadByte(); {
		case err != nil && len(line) == maxLine:
			return "", errors.New("the line is longer than 1 KiB")
		case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET) && len(line) > 0:
			return string(line), nil
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
