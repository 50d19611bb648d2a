package definition

import (
	"crypto/x509"
	"slices"
)

// Resolved is what a definition stands for at the moment when its config is loaded.
type Resolved struct {
	// Sum is the digest of its values and files.
	Sum Sum

	// Trusted are the certificate authorities that its TLS settings trust, in the order of the
	// definition. They are apart from the sum because their certificates may come from anywhere,
	// such as Caddy's storage or a URL, and a pool of them does not tell its contents.
	Trusted []*x509.CertPool
}

// Equal reports whether two definitions stand for the same.
func (r Resolved) Equal(other Resolved) bool {
	return r.Sum == other.Sum &&
		slices.EqualFunc(r.Trusted, other.Trusted, func(a, b *x509.CertPool) bool { return a.Equal(b) })
}
