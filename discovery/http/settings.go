package http

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/dustin/go-humanize"
	"golang.org/x/net/http/httpguts"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/clienttls"
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

const (
	defaultInterval = 10 * time.Second
	defaultTimeout  = 5 * time.Second
	defaultMaxSize  = 4 << 20
)

func (s *Source) setMaxSize(text string) bool {
	size, err := humanize.ParseBytes(text)
	s.MaxSize = int64(min(size, listing.MaxListSize+1))
	return err == nil && size > 0 && size <= listing.MaxListSize
}

// Provision implements caddy.Provisioner. It sends no request.
func (s *Source) Provision(ctx caddy.Context) error {
	if err := s.check(); err != nil {
		return err
	}
	if err := cmp.Or(s.parseURL(), s.makeHeaders()); err != nil {
		return err
	}
	return s.makeTLS(ctx)
}

// check sets the defaults and returns an error for a setting that makes no sense.
func (s *Source) check() error {
	s.MaxSize = cmp.Or(s.MaxSize, defaultMaxSize)
	if s.MaxSize < 0 || s.MaxSize > listing.MaxListSize {
		return fmt.Errorf("max_size: %d is not between 1 and %d bytes", s.MaxSize, listing.MaxListSize)
	}
	return cmp.Or(
		discovery.DefaultInterval("interval", &s.Interval, defaultInterval),
		discovery.DefaultDuration("timeout", &s.Timeout, defaultTimeout),
	)
}

// parseURL parses the URL. Its error shows nothing of it, because it may hold a password.
func (s *Source) parseURL() error {
	text := s.URL
	if err := discovery.Resolve("url", &text); err != nil {
		return err
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return errors.New("url: is not one such as https://registry.example.com/endpoints")
	}
	s.url = u
	return nil
}

func (s *Source) makeHeaders() error {
	s.headers = http.Header{"Accept": {"application/json"}}
	for field, value := range s.Headers {
		if err := discovery.Resolve("headers: "+field, &value); err != nil {
			return err
		}
		if !httpguts.ValidHeaderFieldName(field) || !httpguts.ValidHeaderFieldValue(value) {
			return fmt.Errorf("headers: %q cannot be sent; a field has no spaces, and a value no line breaks", field)
		}
		s.headers.Set(field, value)
	}
	if s.BearerToken == "" {
		return nil
	}
	token := s.BearerToken
	if err := discovery.Resolve("bearer_token", &token); err != nil {
		return err
	}
	switch {
	case s.headers.Get("Authorization") != "":
		return errors.New("bearer_token: is given beside a header Authorization; expected one of them")
	case !httpguts.ValidHeaderFieldValue(token):
		return errors.New("bearer_token: cannot be sent, since it has a line break or a control character")
	}
	s.headers.Set("Authorization", "Bearer "+token)
	return nil
}

func (s *Source) makeTLS(ctx caddy.Context) (err error) {
	if s.TLS != nil && s.url.Scheme != "https" {
		return errors.New("tls: is given, but the URL has http")
	}
	s.tls, err = clienttls.Config(ctx, s.TLS)
	return err
}
