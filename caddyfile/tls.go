package caddyfile

import "github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

// TLS is the group of options of a client that can speak TLS. They have the names that they have in
// Caddy's HTTP transport. Any of them sets into, which turns TLS on.
func TLS(into **reverseproxy.TLSConfig) Param {
	config := new(reverseproxy.TLSConfig)
	options := []Param{
		{name: "tls", read: func(*Dispenser) error { return nil }},
		String("tls_server_name", &config.ServerName),
		Module("tls_trust_pool", "tls.ca_pool.source", "provider", &config.CARaw),
		clientCertificate("tls_client_auth", config),
		Flag("tls_insecure_skip_verify", &config.InsecureSkipVerify),
	}
	for i := range options {
		read := options[i].read
		options[i].read = func(d *Dispenser) error {
			*into = config
			return read(d)
		}
	}
	return Group(options...)
}

func clientCertificate(name string, config *reverseproxy.TLSConfig) Param {
	return Param{name: name, read: func(d *Dispenser) error {
		if !d.Args(&config.ClientCertificateFile, &config.ClientCertificateKeyFile) {
			return d.Errf("missing value; expected a certificate file and a key file")
		}
		return nil
	}}
}
