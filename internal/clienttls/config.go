// Package clienttls makes the TLS settings of the clients of sources and probes.
package clienttls

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
)

// Config makes a client's TLS settings from the field tls of a module. It returns nil only if
// settings is nil, which means that TLS was not asked for.
//
// Caddy's own MakeTLSClientConfig also returns nil for a tls that is present but sets nothing. That
// is no answer for clients that speak TLS only if they have a config, such as those of etcd and
// Docker: they would send their passwords in plain text. Config returns an empty config instead,
// which verifies the server with the system's certificate authorities.
//
// The pool that the module belongs to learns which authorities are trusted, because a reload must
// notice when they change.
//
// Errors begin with the name of the field.
func Config(ctx caddy.Context, settings *reverseproxy.TLSConfig) (*tls.Config, error) {
	if settings == nil {
		return nil, nil
	}
	config, err := settings.MakeTLSClientConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("tls: %w", err)
	}
	if config == nil {
		config = new(tls.Config)
	}
	for _, m := range ctx.Modules() {
		if pool, ok := m.(interface{ Trust(*x509.CertPool) }); ok && config.RootCAs != nil {
			pool.Trust(config.RootCAs)
		}
	}
	return config, nil
}
