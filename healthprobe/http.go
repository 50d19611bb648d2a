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
)

func init() { caddy.RegisterModule(new(HTTPProbe)) }

// HTTPProbe sends a request and judges the answer by its status and, if asked to, its body. It is the probe to
// choose for anything that speaks HTTP, best with a URI that fails if the application cannot
// work (its database is gone) and not just if its process is gone.
//
// The options are those of Caddy's active health checks under the same names, without `health_` in the Caddyfile.
// Different from there is that a probe has its own connection and not the proxy's transport. It speaks HTTP/1.1 unless
// told otherwise, and TLS only if told so.
//
// The placeholders `{endpoint.host}`, `{endpoint.port}`, `{endpoint.address}`, `{endpoint.id}`, `{endpoint.zone}` and
// `{endpoint.metadata.<key>}` in the URI, header fields, host and body are replaced for each endpoint; global
// placeholders such as `{env.TOKEN}` and `{file./run/secrets/token}` once when the config is loaded.
type HTTPProbe struct {
	Connection

	// The method of the request. Default: GET.
	Method string `json:"method,omitempty"`

	// The path and query of the request. Default: /.
	URI string `json:"uri,omitempty"`

	// Header fields of the request. The Host is `host` and not among them.
	Headers map[string][]string `json:"headers,omitempty"`

	// The Host of the request. Default: the probed host and port, or localhost for a unix socket.
	Host string `json:"host,omitempty"`

	// The body of the request. Default: none.
	Body string `json:"body,omitempty"`

	// The versions of HTTP to speak: `1.1`, `2` (or `h2`, which needs TLS) and `h2c` (HTTP/2 without TLS). With both
	// `1.1` and `2` it is what TLS agrees on. Default: 1.1, since not every backend survives the
	// first bytes of HTTP/2, but h2c for endpoints whose address begins with unix+h2c.
	Versions []string `json:"versions,omitempty"`

	// Whether redirects are followed, up to ten. They always lead to the endpoint itself, whatever host they name, because it is
	// the endpoint that is in question. Default: a redirect is an answer like any other.
	FollowRedirects bool `json:"follow_redirects,omitempty"`

	// The statuses that pass: codes such as 204, classes such as 2xx and ranges such as 200-399. Default: 2xx.
	ExpectStatus []caddyhttp.WeakString `json:"expect_status,omitempty"`

	// A regular expression that the body has to match somewhere, in [Go's syntax](https://pkg.go.dev/regexp/syntax).
	// Default: none, and the body is not read.
	ExpectBody string `json:"expect_body,omitempty"`

	// How many bytes of the body `expect_body` gets to see. Default: 65536.
	MaxSize int64 `json:"max_size,omitempty"`

	// Whether each check connects anew. Default: over HTTP/1.1 a connection serves 8 to 16 checks, if the endpoint
	// keeps it too and the last check passed; that takes half the CPU time, and a tenth of it with TLS. But a backend that answers
	// on connections it has and accepts no more, as when its accept queue is full, fails only at the next new
	// one: after 16 intervals at most. Turn it on to see that at each check. Over HTTP/2 each check always connects anew.
	FreshConnections bool `json:"fresh_connections,omitempty"`

	name     string // of the request in errors, as configured: with placeholders that may stand for secrets
	request  request
	versions http.Protocols
	statuses httpstatus.Set
	body     *regexp.Regexp
}

const defaultMaxSize = 64 << 10

// CaddyModule returns the Caddy module information.
func (*HTTPProbe) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.reverse_proxy.upstreams.pool.probes.http",
		New: func() caddy.Module { return new(HTTPProbe) },
	}
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
//	}
func (p *HTTPProbe) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	uri := once("uri", "a path such as /healthz", &p.URI, func(text string) bool {
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
		p.options(),
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
	if err := p.provision(ctx, offered(p.versions)...); err != nil {
		return err
	}
	if p.request, err = p.compileRequest(); err != nil {
		return err
	}
	p.name = p.request.method + " " + cmp.Or(p.URI, "/")
	return p.provisionExpectations()
}

func (p *HTTPProbe) provisionExpectations() (err error) {
	if p.statuses, err = httpstatus.Parse(p.ExpectStatus); err != nil {
		return fmt.Errorf("expect_status: %w", err)
	}
	if p.MaxSize < 0 {
		return fmt.Errorf("max_size: %d is not a number of bytes", p.MaxSize)
	}
	if p.ExpectBody == "" {
		return nil
	}
	if p.request.method == http.MethodHead {
		return errors.New("expect_body: the answer to HEAD has no body; expected another method")
	}
	if p.body, err = regexp.Compile(p.ExpectBody); err != nil {
		return fmt.Errorf("expect_body: %w", err)
	}
	return nil
}

// Check implements Probe.
func (p *HTTPProbe) Check(ctx context.Context, t *Target) error {
	kept, err := p.stateFor(t)
	if err != nil {
		return err
	}
	answer, err := p.ask(rewound(ctx, kept.request), endpointAt{p, kept})
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if err := p.judge(ctx, answer); err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	return nil
}

func (p *HTTPProbe) judge(ctx context.Context, answer *http.Response) error {
	if !p.statuses.Has(answer.StatusCode) {
		return fmt.Errorf("status %d", answer.StatusCode)
	}
	if p.body == nil {
		return nil
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, cmp.Or(p.MaxSize, defaultMaxSize)))
	if err != nil {
		return reason(ctx, err)
	}
	if !p.body.Match(text) {
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
