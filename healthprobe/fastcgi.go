package healthprobe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/internal/httpstatus"
	"github.com/caddy-balance/caddy-balance/internal/options"
)

func init() { caddy.RegisterModule(new(FastCGIProbe)) }

// FastCGIProbe sends a GET request over FastCGI and checks the status of the answer and, if
// configured, its body.
//
// Choose it for php-fpm and for other endpoints of a `transport fastcgi`. With php-fpm the cheapest
// check is the ping page, which its pool must turn on with `ping.path = /ping`; it needs a free
// worker but runs no script. A script that fails if the application cannot work says more.
//
// Each check makes a new connection, because a worker of php-fpm serves nothing else as long as a
// connection is open. If all workers are busy, a check waits for one of them, up to its timeout.
//
// In the URI, root, params and expected body, the placeholders `{endpoint.host}`,
// `{endpoint.port}`, `{endpoint.address}`, `{endpoint.id}`, `{endpoint.zone}`,
// `{endpoint.metadata.<key>}`, `{env.*}` and `{file.*}` are replaced.
type FastCGIProbe struct {
	Connection

	// The path and query of the request. Default: /ping.
	URI string `json:"uri,omitempty"`

	// The folder of the scripts on the endpoint's machine, as in the root of the site. Needed for a
	// script, and not for pages of php-fpm itself. Default: none, so the path is the name of the
	// script's file.
	Root string `json:"root,omitempty"`

	// Parameters of the request by name, such as `HTTP_HOST`, besides those that the probe sets or
	// in their place. Default: none.
	Params map[string]string `json:"params,omitempty"`

	// The statuses that pass: codes such as 204, classes such as 2xx and ranges such as 200-399.
	// Default: 2xx.
	ExpectStatus []caddyhttp.WeakString `json:"expect_status,omitempty"`

	// A regular expression in [Go's syntax](https://pkg.go.dev/regexp/syntax) that must match
	// somewhere in the first 64 KiB of the body. The values of placeholders are taken literally.
	// Default: none; the body does not matter.
	ExpectBody string `json:"expect_body,omitempty"`

	name     string // of the request in errors; as configured, because placeholders may stand for secrets
	request  fastCGIRequest
	statuses httpstatus.Set
	body     *pattern // nil without expect_body
}

// defaultFastCGIURI is the default of uri. The documentation of php-fpm suggests it as ping.path.
const defaultFastCGIURI = "/ping"

// CaddyModule returns the Caddy module information.
func (*FastCGIProbe) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.reverse_proxy.upstreams.pool.probes.fastcgi",
		New: func() caddy.Module { return new(FastCGIProbe) },
	}
}

// UnmarshalJSON makes errors name the option.
func (p *FastCGIProbe) UnmarshalJSON(data []byte) error {
	type fields FastCGIProbe
	return options.Decode(data, (*fields)(p))
}

// UnmarshalCaddyfile sets up the probe from Caddyfile tokens. Syntax:
//
//	probe fastcgi [<uri>] {
//	    uri              <path and query>
//	    root             <folder>
//	    param            <name> <value>
//	    status           <codes, classes or ranges...>
//	    body             <regexp>
//	    upstream         <address>
//	    port             <port>
//	    tls
//	    tls_server_name  <name>
//	    tls_trust_pool   <module> ...
//	    tls_client_auth  <certificate file> <key file>
//	    tls_insecure_skip_verify
//	    proxy_protocol   <v1|v2>
//	}
func (p *FastCGIProbe) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	uri := caddyfile.Once("uri", "a path such as /ping", &p.URI, func(text string) bool {
		return strings.HasPrefix(text, "/") || strings.HasPrefix(text, "{")
	})
	return caddyfile.Parse(d, caddyfile.Optional(uri), caddyfile.Block(
		uri,
		caddyfile.String("root", &p.Root),
		caddyfile.Pairs("param", &p.Params),
		caddyfile.Rest(caddyfile.Func("status", httpstatus.Expected, func(text string) bool {
			p.ExpectStatus = append(p.ExpectStatus, caddyhttp.WeakString(text))
			_, ok := httpstatus.ParseRange(text)
			return ok
		})),
		caddyfile.String("body", &p.ExpectBody),
		p.Options(),
	))
}

// Provision implements caddy.Provisioner.
func (p *FastCGIProbe) Provision(ctx caddy.Context) (err error) {
	if err := p.ProvisionConnection(ctx); err != nil {
		return err
	}
	uri := cmp.Or(p.URI, defaultFastCGIURI)
	if p.request, err = compileFastCGIRequest(uri, p.Root, p.Params); err != nil {
		return err
	}
	path, _, _ := strings.Cut(uri, "?") // the query may be a secret
	p.name = "GET " + path
	if p.statuses, err = httpstatus.Parse(p.ExpectStatus); err != nil {
		return fmt.Errorf("expect_status: %w", err)
	}
	p.body, err = compilePattern("expect_body", p.ExpectBody)
	return err
}

// Check implements Probe.
func (p *FastCGIProbe) Check(ctx context.Context, t *Target) error {
	params, err := p.request.params(t.Endpoint)
	if err != nil {
		return err
	}
	connected, err := p.Connect(ctx, t.Endpoint)
	if err != nil {
		return err
	}
	defer connected.Close()
	answer, err := exchangeFastCGI(connected, params)
	if err == nil {
		err = p.checkAnswer(answer, t.Endpoint)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", p.name, Reason(ctx, err))
	}
	return nil
}

// checkAnswer returns why an answer is not as expected, nil if it is. php-fpm says on its standard
// error why it has no answer, such as "Primary script unknown".
func (p *FastCGIProbe) checkAnswer(answer *fastCGIAnswer, e *Endpoint) error {
	if !p.statuses.Contains(answer.status) {
		text := fmt.Sprintf("status %d", answer.status)
		if said := answer.stderr(); said != "" {
			text += fmt.Sprintf(": %q", said)
		}
		return errors.New(text)
	}
	if p.body == nil {
		return nil
	}
	expected, err := p.body.of(e)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(io.LimitReader(answer.body, defaultMaxSize))
	if err != nil {
		return err
	}
	if !expected.Match(text) {
		return fmt.Errorf("body does not match %q", p.ExpectBody)
	}
	return nil
}

// Interface guards
var (
	_ caddy.Provisioner     = (*FastCGIProbe)(nil)
	_ caddyfile.Unmarshaler = (*FastCGIProbe)(nil)
	_ Probe                 = (*FastCGIProbe)(nil)
)
