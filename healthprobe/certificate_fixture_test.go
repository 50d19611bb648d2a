package healthprobe

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
)

// certificate is its own authority, for servers and clients alike.
type certificate struct {
	certFile, keyFile string
	pair              tls.Certificate
	pool              *x509.CertPool
}

func newCertificate(t *testing.T) *certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "backend.test"},
		DNSNames: []string{"backend.test", "localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return newCertificateFiles(t, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
}

// newCertificateFiles writes both to files, because Caddy's settings name files.
func newCertificateFiles(t *testing.T, cert, key []byte) *certificate {
	dir := t.TempDir()
	c := &certificate{certFile: filepath.Join(dir, "cert.pem"), keyFile: filepath.Join(dir, "key.pem"), pool: x509.NewCertPool()}
	for name, data := range map[string][]byte{c.certFile: cert, c.keyFile: key} {
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	if c.pair, err = tls.X509KeyPair(cert, key); err != nil || !c.pool.AppendCertsFromPEM(cert) {
		t.Fatal(err)
	}
	return c
}

// server returns the settings of a server that presents the certificate.
func (c *certificate) server(protocols ...string) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{c.pair}, NextProtos: protocols}
}

// mutual returns the settings of a server that also requires the certificate from clients.
func (c *certificate) mutual() *tls.Config {
	config := c.server()
	config.ClientCAs, config.ClientAuth = c.pool, tls.RequireAndVerifyClientCert
	return config
}

// trusted returns the settings of a probe that trusts the certificate.
func (c *certificate) trusted(t *testing.T) *reverseproxy.TLSConfig {
	t.Helper()
	pool, err := json.Marshal(map[string]any{"provider": "file", "pem_files": []string{c.certFile}})
	if err != nil {
		t.Fatal(err)
	}
	return &reverseproxy.TLSConfig{CARaw: pool}
}

// presented returns the settings of a probe that also presents the certificate.
func (c *certificate) presented(t *testing.T) *reverseproxy.TLSConfig {
	config := c.trusted(t)
	config.ClientCertificateFile, config.ClientCertificateKeyFile = c.certFile, c.keyFile
	return config
}
