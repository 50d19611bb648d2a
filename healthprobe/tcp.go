package healthprobe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/caddyfile"
)

func init() { caddy.RegisterModule(new(TCPProbe)) }

// TCPProbe passes if the endpoint accepts a connection and, if configured, answers as expected.
//
// Choose it for protocols that no other probe speaks. Set `expect` if the protocol has an answer: a
// mere connection says little, because the kernel accepts it even if the process hangs.
//
// `send` and `expect` may have Go's escapes, such as `\r\n`, `\x00` and `\\`, and the placeholders
// `{endpoint.host}`, `{endpoint.port}`, `{endpoint.address}`, `{endpoint.id}`, `{endpoint.zone}`,
// `{endpoint.metadata.<key>}`, `{env.*}` and `{file.*}`. Escapes in the value of a placeholder are
// not replaced.
type TCPProbe struct {
	Connection

	// The text to send after connecting. Default: nothing.
	Send string `json:"send,omitempty"`

	// The text that must occur in the first 64 KiB of the answer. The check passes as soon as it
	// has come, and does not wait for the end of the answer. Default: any answer passes, and no
	// answer too.
	Expect string `json:"expect,omitempty"`

	// A regular expression in [Go's syntax](https://pkg.go.dev/regexp/syntax) that must match
	// somewhere in the first 64 KiB of the answer, instead of `expect`. Default: none.
	ExpectRegexp string `json:"expect_regexp,omitempty"`

	send, expect template
	pattern      *regexp.Regexp
}

// maxAnswer is the maximum number of bytes to read before the check gives up, because some
// endpoints never stop sending.
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
		p.Options(),
	))
}

// Provision implements caddy.Provisioner.
func (p *TCPProbe) Provision(ctx caddy.Context) (err error) {
	if p.Expect != "" && p.ExpectRegexp != "" {
		return errors.New("expect_regexp: conflicts with expect; expected one of them")
	}
	if p.send, err = compileEscapedTemplate("send", p.Send); err != nil {
		return err
	}
	if p.expect, err = compileEscapedTemplate("expect", p.Expect); err != nil {
		return err
	}
	if p.ExpectRegexp != "" {
		if p.pattern, err = regexp.Compile(p.ExpectRegexp); err != nil {
			return fmt.Errorf("expect_regexp: %w", err)
		}
	}
	return p.ProvisionConnection(ctx)
}

// Check implements Probe.
func (p *TCPProbe) Check(ctx context.Context, t *Target) error {
	connected, err := p.Connect(ctx, t.Endpoint)
	if err != nil {
		return err
	}
	defer connected.Close()
	sent := p.send.expand(t.Endpoint)
	if sent != "" {
		if _, err := io.WriteString(connected, sent); err != nil {
			return fmt.Errorf("sending: %w", Reason(ctx, err))
		}
	}
	answer, err := p.readAnswer(ctx, connected, []byte(p.expect.expand(t.Endpoint)))
	if err == nil && answer != nil {
		err = fmt.Errorf("the answer, %s, is not %s", excerpt(answer, sent), p.expectation())
	}
	return err
}

// readAnswer reads until the answer is as expected, and then returns nil. It leaves the rest
// unread, because the rest does not matter and may never end. It returns an answer that is not as
// expected.
func (p *TCPProbe) readAnswer(ctx context.Context, connected io.Reader, expected []byte) ([]byte, error) {
	if p.Expect == "" && p.pattern == nil {
		return nil, nil
	}
	answer := []byte{}
	for chunk := make([]byte, 4096); len(answer) < maxAnswer; {
		n, err := connected.Read(chunk)
		answer = append(answer, chunk[:n]...)
		if p.matches(answer, expected) {
			return nil, nil
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("waiting for %s: %w", p.expectation(), Reason(ctx, err))
		}
		if err != nil {
			break
		}
	}
	return answer, nil
}

func (p *TCPProbe) matches(answer, expected []byte) bool {
	if p.pattern != nil {
		return p.pattern.Match(answer)
	}
	return bytes.Contains(answer, expected)
}

// expectation describes the expected answer in errors. It shows the setting and not its value,
// because a placeholder may stand for a secret.
func (p *TCPProbe) expectation() string {
	if p.pattern != nil {
		return fmt.Sprintf("a match of %q", p.ExpectRegexp)
	}
	return fmt.Sprintf("%q", p.Expect)
}

// excerpt quotes the beginning of an answer, enough to recognize what went wrong. It does not
// show what was sent.
func excerpt(answer []byte, sent string) string {
	const maxLength = 60
	answer = []byte(hide(string(answer), sent))
	if len(answer) > maxLength {
		return fmt.Sprintf("%q...", answer[:maxLength])
	}
	return fmt.Sprintf("%q", answer)
}

// hide leaves what was sent out of a text about the answer, because it may be a password.
func hide(text, sent string) string {
	if sent = strings.TrimSpace(sent); sent == "" {
		return text
	}
	return strings.ReplaceAll(text, sent, "...")
}

// Interface guards
var (
	_ caddy.Provisioner     = (*TCPProbe)(nil)
	_ caddyfile.Unmarshaler = (*TCPProbe)(nil)
	_ Probe                 = (*TCPProbe)(nil)
)
