package healthprobe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/caddyfile"
)

func init() { caddy.RegisterModule(new(TCPProbe)) }

// TCPProbe passes if the endpoint accepts a connection and, if asked to, answers as expected. Choose it for protocols that no other
// probe speaks. A mere connection says little: it is the kernel that accepts it, even if the process hangs.
//
// `send` and `expect` take Go's escapes, such as `\r\n`, `\x00` and `\\`, and the placeholders
// `{endpoint.host}`, `{endpoint.port}`, `{endpoint.address}`, `{endpoint.id}`, `{endpoint.zone}`,
// `{endpoint.metadata.<key>}`, `{env.*}` and `{file.*}`, whose values are taken as they are.
type TCPProbe struct {
	Connection

	// What to send once connected. Default: nothing.
	Send string `json:"send,omitempty"`

	// Bytes that must come up in the answer, within its first 65536. Default: any answer passes, as does none.
	Expect string `json:"expect,omitempty"`

	// A regular expression that the answer has to match somewhere, in [Go's syntax](https://pkg.go.dev/regexp/syntax), instead of `expect`.
	ExpectRegexp string `json:"expect_regexp,omitempty"`

	send, expect text
	pattern      *regexp.Regexp
}

// maxAnswer bounds how long an endpoint may talk without coming to the point.
const maxAnswer = 64 << 10

// CaddyModule returns the Caddy module information.
func (*TCPProbe) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.reverse_proxy.upstreams.pool.probes.tcp",
		New: func() caddy.Module { return new(TCPProbe) },
	}
}

// UnmarshalCaddyfile sets up the probe from Caddyfile tokens. Syntax:
//
//	probe tcp {
//	    send             <text>
//	    expect           <text>
//	    expect_regexp    <regexp>
//	    upstream         <address>
//	    port             <port>
//	    tls
//	    tls_server_name  <name>
//	    tls_trust_pool   <module> ...
//	    tls_client_auth  <certificate file> <key file>
//	    tls_insecure_skip_verify
//	}
func (p *TCPProbe) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return caddyfile.Parse(d, caddyfile.Block(
		caddyfile.String("send", &p.Send),
		caddyfile.String("expect", &p.Expect),
		caddyfile.String("expect_regexp", &p.ExpectRegexp),
		p.options(),
	))
}

// Provision implements caddy.Provisioner.
func (p *TCPProbe) Provision(ctx caddy.Context) (err error) {
	if p.Expect != "" && p.ExpectRegexp != "" {
		return errors.New("expect_regexp: is given besides expect; expected one of them")
	}
	if p.send, err = compileEscaped("send", p.Send); err != nil {
		return err
	}
	if p.expect, err = compileEscaped("expect", p.Expect); err != nil {
		return err
	}
	if p.ExpectRegexp != "" {
		if p.pattern, err = regexp.Compile(p.ExpectRegexp); err != nil {
			return fmt.Errorf("expect_regexp: %w", err)
		}
	}
	return p.provision(ctx)
}

// Check implements Probe.
func (p *TCPProbe) Check(ctx context.Context, t *Target) error {
	to, err := p.address(t.Info)
	if err != nil {
		return err
	}
	connected, err := p.connect(ctx, to)
	if err != nil {
		return err
	}
	defer connected.Close()
	if said := p.send.of(t.Info); said != "" {
		if _, err := io.WriteString(connected, said); err != nil {
			return fmt.Errorf("sending: %w", reason(ctx, err))
		}
	}
	return p.await(ctx, connected, []byte(p.expect.of(t.Info)))
}

// await reads until the answer is as expected. What else it says is not of interest, and may never end.
func (p *TCPProbe) await(ctx context.Context, connected io.Reader, expected []byte) error {
	if p.Expect == "" && p.pattern == nil {
		return nil
	}
	var answer []byte
	for chunk := make([]byte, 4096); len(answer) < maxAnswer; {
		n, err := connected.Read(chunk)
		answer = append(answer, chunk[:n]...)
		if p.meets(answer, expected) {
			return nil
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("waiting for %s: %w", p.expectation(), reason(ctx, err))
		}
		if err != nil {
			break
		}
	}
	return fmt.Errorf("the answer, %s, is not %s", excerpt(answer), p.expectation())
}

func (p *TCPProbe) meets(answer, expected []byte) bool {
	if p.pattern != nil {
		return p.pattern.Match(answer)
	}
	return bytes.Contains(answer, expected)
}

// expectation is as configured, since a placeholder may stand for a secret.
func (p *TCPProbe) expectation() string {
	if p.pattern != nil {
		return fmt.Sprintf("a match of %q", p.ExpectRegexp)
	}
	return fmt.Sprintf("%q", p.Expect)
}

// excerpt shows as much of an answer as tells one mistake from another.
func excerpt(answer []byte) string {
	const longest = 60
	if len(answer) > longest {
		return fmt.Sprintf("%q...", answer[:longest])
	}
	return fmt.Sprintf("%q", answer)
}

// Interface guards
var (
	_ caddy.Provisioner     = (*TCPProbe)(nil)
	_ caddyfile.Unmarshaler = (*TCPProbe)(nil)
	_ Probe                 = (*TCPProbe)(nil)
)
