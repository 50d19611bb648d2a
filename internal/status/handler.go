package status

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/internal/options"
)

func init() {
	caddy.RegisterModule(new(PoolStatus))
	httpcaddyfile.RegisterHandlerDirective("pool_status",
		func(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
			s := new(PoolStatus)
			return s, s.UnmarshalCaddyfile(h.Dispenser)
		})
	// It comes after whatever authenticates requests.
	httpcaddyfile.RegisterDirectiveOrder("pool_status", httpcaddyfile.Before, "respond")
}

// defaultPath is the path of the page, as at the admin endpoint.
const defaultPath = "/pools"

// PoolStatus serves the live page of all pools on a site, and the API that the page uses. All
// that may use the site may see it, so it should be behind an authentication. Requests elsewhere
// are passed on.
type PoolStatus struct {
	// The path of the page, without a slash at its end. Default: /pools.
	Path string `json:"path,omitempty"`

	// Lets the page and its API change pools: drain endpoints, set weights, roll back, and register
	// endpoints. Requests that a browser sends for another site are refused. Default: false.
	Control bool `json:"control,omitempty"`

	mux   *http.ServeMux
	ended context.Context //nolint:containedctx // that of the config, which ends streams
}

// CaddyModule returns the Caddy module information.
func (*PoolStatus) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.pool_status", New: func() caddy.Module { return new(PoolStatus) }}
}

// UnmarshalJSON makes errors name the option.
func (s *PoolStatus) UnmarshalJSON(data []byte) error {
	type fields PoolStatus
	return options.Decode(data, (*fields)(s))
}

// UnmarshalCaddyfile sets up the handler from Caddyfile tokens. Syntax:
//
//	pool_status [<matcher>] {
//		path <path>
//		control
//	}
func (s *PoolStatus) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return caddyfile.Parse(d, caddyfile.Block(
		caddyfile.String("path", &s.Path),
		caddyfile.Flag("control", &s.Control),
	))
}

// Provision implements caddy.Provisioner.
func (s *PoolStatus) Provision(ctx caddy.Context) error {
	if s.Path == "" {
		s.Path = defaultPath
	}
	if !strings.HasPrefix(s.Path, "/") || s.Path == "/" || path.Clean(s.Path) != s.Path {
		return fmt.Errorf("path: %q is not a path such as %s", s.Path, defaultPath)
	}
	s.ended = ctx
	s.mux = http.NewServeMux()
	protection := http.NewCrossOriginProtection()
	for pattern, handler := range handlers() {
		if s.Control || isReading(pattern) {
			s.mux.Handle(pattern, protection.Handler(ownRequests(handler)))
		}
	}
	for pattern, handler := range pageHandlers(s.Control) {
		s.mux.Handle(pattern, withErrors(handler))
	}
	return nil
}

// isReading reports whether the requests of a pattern change nothing.
func isReading(pattern string) bool {
	return strings.HasPrefix(pattern, "GET ") || strings.HasSuffix(pattern, "/explain")
}

// ServeHTTP implements caddyhttp.MiddlewareHandler.
func (s *PoolStatus) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	rest, below := strings.CutPrefix(r.URL.Path, s.Path)
	switch {
	case below && rest == "" && r.Method == http.MethodGet:
		// It is relative, because a prefix of the path may have been stripped before.
		w.Header().Set("Location", path.Base(s.Path)+"/")
		w.WriteHeader(http.StatusFound)
		return nil
	case !below || !strings.HasPrefix(rest, "/"):
		return next.ServeHTTP(w, r)
	case strings.Contains(rest, "//"):
		return caddyhttp.Error(http.StatusNotFound, errors.New("the path has an empty part"))
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(s.ended, cancel)()
	asked := r.Clone(ctx)
	asked.URL.Path = defaultPath + rest
	if escaped, below := strings.CutPrefix(r.URL.RawPath, s.Path); below {
		asked.URL.RawPath = defaultPath + escaped
	} else {
		asked.URL.RawPath = ""
	}
	s.mux.ServeHTTP(w, asked)
	return nil
}

// ownRequests refuses requests to change something unless they have a type that no form of another
// site can send. Together with the protection of the standard library, which looks at where a
// request is from, it keeps other sites from using the authentication of a browser.
func ownRequests(handler caddy.AdminHandlerFunc) http.Handler {
	return withErrors(func(w http.ResponseWriter, r *http.Request) error {
		isJSON := strings.HasPrefix(r.Header.Get("Content-Type"), "application/json")
		if r.Method != http.MethodGet && r.Method != http.MethodHead && !isJSON {
			return refuse(http.StatusUnsupportedMediaType, errors.New("the Content-Type is not application/json"))
		}
		return handler(w, r)
	})
}

// withErrors answers errors as Caddy's admin endpoint does.
func withErrors(handler caddy.AdminHandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := handler(w, r)
		if err == nil {
			return
		}
		failure := caddy.APIError{HTTPStatus: http.StatusInternalServerError, Err: err}
		errors.As(err, &failure)
		failure.Message = failure.Err.Error()
		_ = answer(w, failure.HTTPStatus, failure) // it has no type that fails
	})
}

// Interface guards
var (
	_ caddy.Provisioner           = (*PoolStatus)(nil)
	_ caddyhttp.MiddlewareHandler = (*PoolStatus)(nil)
	_ caddyfile.Unmarshaler       = (*PoolStatus)(nil)
)
