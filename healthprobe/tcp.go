package healthprobe

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/internal/options"
)

func init() { caddy.RegisterModule(new(TCPProbe)) }

// TCPProbe passes if the endpoint accepts a connection and, if configured, answers as expected.
//
// Choose it for protocols that no other probe speaks. Set `expect` if the protocol has an answer: a
// mere connection says little, because the kernel accepts it even if the process hangs.
//
// `send` and `expect` may have Go's escapes, such as `\r\n`, `\x00` and `\\`. They and
// `expect_regexp` may have the placeholders `{endpoint.host}`, `{endpoint.port}`,
// `{endpoint.address}`, `{endpoint.id}`, `{endpoint.zone}`, `{endpoint.metadata.<key>}`, `{env.*}`
// and `{file.*}`. The value of a placeholder is taken literally.
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
	pattern      *pattern // nil without expect_regexp
}

// CaddyModule returns the Caddy module information.
func (*TCPProbe) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.reverse_proxy.upstreams.pool.probes.tcp",
		New: func() caddy.Module { return new(TCPProbe) },
	}
}

// UnmarshalJSON makes errors name the option.
func (p *TCPProbe) UnmarshalJSON(data []byte) error {
	type fields TCPProbe
	return options.Decode(data, (*fields)(p))
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
//	    proxy_protocol   <v1|v2>
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
	if p.pattern, err = compilePattern("expect_regexp", p.ExpectRegexp); err != nil {
		return err
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
	return p.checkAnswer(ctx, connected, t.Endpoint, sent)
}

// Interface guards
var (
	_ caddy.Provisioner     = (*TCPProbe)(nil)
	_ caddyfile.Unmarshaler = (*TCPProbe)(nil)
	_ Probe                 = (*TCPProbe)(nil)
)
