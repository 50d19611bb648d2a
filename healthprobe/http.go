package healthprobe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/dustin/go-humanize"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/internal/httpstatus"
	"github.com/caddy-balance/caddy-balance/internal/options"
)

func init() { caddy.RegisterModule(new(HTTPProbe)) }

// HTTPProbe sends a request and checks the status of the answer and, if configured, its body.
//
// Choose it for anything that speaks HTTP. The best URI is one that fails if the application cannot
// work, for example because its database is gone, and not only if the process is gone.
//
// The options are those of Caddy's active health checks under the same names, without `health_` in
// the Caddyfile. One thing differs: a probe has its own connection and does not use the proxy's
// transport. It speaks HTTP/1.1 without TLS unless `versions` and `tls` say otherwise.
//
// In the URI, header fields, host, body and expected body, the placeholders `{endpoint.host}`,
// `{endpoint.port}`, `{endpoint.address}`, `{endpoint.id}`, `{endpoint.zone}` and
// `{endpoint.metadata.<key>}` are replaced for each endpoint. Global placeholders such as
// `{env.TOKEN}` and `{file./run/secrets/token}` are replaced once, when the config is loaded.
type HTTPProbe struct {
	Connection

	// The method of the request. Default: GET.
	Method string `json:"method,omitempty"`

	// The path and query of the request. Default: /.
	URI string `json:"uri,omitempty"`

	// The header fields of the request. `Host` is not allowed here, see `host`. Default:
	// `User-Agent: caddy-balance`.
	Headers map[string][]string `json:"headers,omitempty"`

	// The Host of the request. With TLS it is also the server name, without the port, unless `tls`
	// has a `server_name`. Default: the probed host and port, or localhost for a unix socket.
	Host string `json:"host,omitempty"`

	// The body of the request. Default: none.
	Body string `json:"body,omitempty"`

	// The versions of HTTP to speak: `1.1`, `2` (or `h2`; needs `tls`) and `h2c` (HTTP/2 without
	// TLS). If both `1.1` and `2` are given, TLS negotiates one. Default: 1.1, because some
	// backends fail on the first bytes of HTTP/2; for an `upstream` that begins with unix+h2c it is
	// h2c.
	Versions []string `json:"versions,omitempty"`

	// Whether to follow redirects, up to ten. All requests go to the endpoint, whatever host a
	// redirect names, because the endpoint is what the check is about. Default: false, which takes
	// a redirect as the answer.
	FollowRedirects bool `json:"follow_redirects,omitempty"`

	// The statuses that pass: codes such as 204, classes such as 2xx and ranges such as 200-399.
	// Default: 2xx.
	ExpectStatus []caddyhttp.WeakString `json:"expect_status,omitempty"`

	// A regular expression in [Go's syntax](https://pkg.go.dev/regexp/syntax) that must match
	// somewhere in the body. The values of placeholders are taken literally. Default: none; the
	// body does not matter.
	ExpectBody string `json:"expect_body,omitempty"`

	// The maximum number of bytes of the body that `expect_body` is matched against. The rest is
	// ignored. Default: 65536.
	MaxSize int64 `json:"max_size,omitempty"`

	// Whether each check makes a new connection. Turn it on to notice at once when a backend still
	// answers on connections that it has but accepts no new ones, for example because its accept
	// queue is full. Default: false. Over HTTP/1.1 a connection then serves 8 to 16 checks, if the
	// endpoint keeps it open and the checks pass. That takes half the CPU time, with TLS a tenth,
	// but such a backend fails only when a connection is renewed, after 16 intervals at the latest.
	// Over HTTP/2 each check makes a new connection anyway.
	FreshConnections bool `json:"fresh_connections,omitempty"`

	// name is the request in errors. It is as configured, because placeholders may stand for
	// secrets, and without the query, which may be one.
	name     string
	request  requestTemplate
	versions http.Protocols
	statuses httpstatus.Set
	body     *pattern // nil without expect_body
}

// defaultMaxSize is the default of max_size.
const defaultMaxSize = 64 << 10

// CaddyModule returns the Caddy module information.
func (*HTTPProbe) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.reverse_proxy.upstreams.pool.probes.http",
		New: func() caddy.Module { return new(HTTPProbe) },
	}
}

// UnmarshalJSON refuses zeros that would become defaults.
func (p *HTTPProbe) UnmarshalJSON(data []byte) error {
	type fields HTTPProbe
	return options.Decode(data, (*fields)(p), "max_size")
}

// UnmarshalCaddyfile sets up the probe from Caddyfile tokens. Syntax:
//
//	probe http [<uri>] {
//	    uri              <path and query>
//	    method           <method>
//	    header           <field> <values...>
//	    host             <host>
//	    request_body     <text>
//	    versions         <1.1|2|h2c...>
//	    follow_redirects
//	    status           <codes, classes or ranges...>
//	    body             <regexp>
//	    max_size         <size>
//	    fresh_connections
//	    upstream         <address>
//	    port             <port>
//	    tls
//	    tls_server_name  <name>
//	    tls_trust_pool   <module> ...
//	    tls_client_auth  <certificate file> <key file>
//	    tls_insecure_skip_verify
//	    proxy_protocol   <v1|v2>
//	}
func (p *HTTPProbe) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	uri := caddyfile.Once("uri", "a path such as /healthz", &p.URI, func(text string) bool {
		return strings.HasPrefix(text, "/") || strings.HasPrefix(text, "{")
	})
	return caddyfile.Parse(d, caddyfile.Optional(uri), caddyfile.Block(
		uri,
		caddyfile.String("method", &p.Method),
		caddyfile.Lists("header", &p.Headers),
		caddyfile.String("host", &p.Host),
		caddyfile.String("request_body", &p.Body),
		caddyfile.Strings("versions", &p.Versions),
		caddyfile.Flag("follow_redirects", &p.FollowRedirects),
		caddyfile.Rest(caddyfile.Func("status", httpstatus.Expected, p.addStatus)),
		caddyfile.String("body", &p.ExpectBody),
		caddyfile.Func("max_size", "a size of at least one byte such as 64KiB", p.setMaxSize),
		caddyfile.Flag("fresh_connections", &p.FreshConnections),
		p.Options(),
	))
}

func (p *HTTPProbe) addStatus(text string) bool {
	p.ExpectStatus = append(p.ExpectStatus, caddyhttp.WeakString(text))
	_, ok := httpstatus.ParseRange(text)
	return ok
}

func (p *HTTPProbe) setMaxSize(text string) bool {
	size, err := humanize.ParseBytes(text)
	p.MaxSize = int64(size)
	return err == nil && p.MaxSize > 0
}

// Provision implements caddy.Provisioner.
func (p *HTTPProbe) Provision(ctx caddy.Context) (err error) {
	if p.versions, err = parseVersions(p.Versions, p.TLS != nil); err != nil {
		return fmt.Errorf("versions: %w", err)
	}
	if err := p.ProvisionConnection(ctx, offeredProtocols(p.versions)...); err != nil {
		return err
	}
	if p.request, err = p.compileRequest(); err != nil {
		return err
	}
	p.serverNames = append(p.serverNames, p.request.host)
	path, _, _ := strings.Cut(cmp.Or(p.URI, "/"), "?")
	p.name = p.request.method + " " + path
	return p.provisionExpectations()
}

func (p *HTTPProbe) provisionExpectations() (err error) {
	if p.statuses, err = httpstatus.Parse(p.ExpectStatus); err != nil {
		return fmt.Errorf("expect_status: %w", err)
	}
	if p.MaxSize < 0 {
		return fmt.Errorf("max_size: %d is less than 1 byte", p.MaxSize)
	}
	if p.ExpectBody == "" {
		return nil
	}
	if p.request.method == http.MethodHead {
		return errors.New("expect_body: the answer to HEAD has no body; expected another method")
	}
	p.body, err = compilePattern("expect_body", p.ExpectBody)
	return err
}

// Check implements Probe.
func (p *HTTPProbe) Check(ctx context.Context, t *Target) error {
	state, err := p.stateFor(t)
	if err != nil {
		return err
	}
	answer, err := p.do(rewind(ctx, state.request), endpointTransport{p, state})
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if err := p.checkAnswer(ctx, answer, state.body); err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	return nil
}

// checkAnswer returns why an answer is not as expected, nil if it is.
func (p *HTTPProbe) checkAnswer(ctx context.Context, answer *http.Response, body *regexp.Regexp) error {
	if !p.statuses.Contains(answer.StatusCode) {
		return fmt.Errorf("status %d", answer.StatusCode)
	}
	if body == nil {
		return nil
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, cmp.Or(p.MaxSize, defaultMaxSize)))
	if err != nil {
		return Reason(ctx, err)
	}
	if !body.Match(text) {
		return fmt.Errorf("body does not match %q", p.ExpectBody)
	}
	return nil
}

// Interface guards
var (
	_ caddy.Provisioner     = (*HTTPProbe)(nil)
	_ caddyfile.Unmarshaler = (*HTTPProbe)(nil)
	_ Probe                 = (*HTTPProbe)(nil)
)
