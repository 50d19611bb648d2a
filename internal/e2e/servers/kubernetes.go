package servers

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

// Kubernetes is an API server with its etcd. There are no controllers: the test itself writes
// EndpointSlices.
type Kubernetes struct {
	*Process // the API server; its folder has certificates and tokens, which RestartEmpty keeps
	Etcd     *Etcd
	Address  string
}

// The bearer tokens that the API server knows.
const (
	AdminToken    = "token-of-admin"    // may do everything
	CaddyToken    = "token-of-caddy"    // of the user caddy, with the permissions that the test grants
	StrangerToken = "token-of-stranger" // may do nothing
)

const tokens = AdminToken + ",admin,1,system:masters\n" + CaddyToken + ",caddy,2\n" + StrangerToken + ",stranger,3\n"

// StartKubernetes starts both servers. They run until the test ends.
func StartKubernetes(t testing.TB) *Kubernetes {
	t.Helper()
	path := mustPath(t, KubeAPIServerBinary)
	k := &Kubernetes{Etcd: StartEtcd(t), Address: caddytest.FreeAddress(t)}
	k.Process = Run(t, Plan{
		Name:    "kube-apiserver",
		Prepare: prepareKubernetes,
		Command: func(data string) *exec.Cmd { return kubernetesCommand(path, data, k.Etcd.Address, k.Address) },
		Ready:   func(ctx context.Context) error { return kubernetesReady(ctx, k.Address) },
	})
	return k
}

// RestartEmpty restarts the server without any object.
func (k *Kubernetes) RestartEmpty() {
	k.t.Helper()
	k.Kill()
	k.Etcd.RestartEmpty()
	k.Restart()
}

// Authority returns the path of the certificate that signed the server's own.
func (k *Kubernetes) Authority() string { return filepath.Join(k.Data, certificates) }

// Client returns a client with the rights of a token.
func (k *Kubernetes) Client(token string) *http.Client {
	k.t.Helper()
	pool := x509.NewCertPool()
	if text, err := os.ReadFile(k.Authority()); err != nil || !pool.AppendCertsFromPEM(text) {
		k.t.Fatalf("no certificate in %s: %v", k.Authority(), err)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}
	k.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: bearer{token, transport}}
}

// bearer adds a token to each request.
type bearer struct {
	token string
	http.RoundTripper
}

func (b bearer) RoundTrip(request *http.Request) (*http.Response, error) {
	request = request.Clone(request.Context())
	request.Header.Set("Authorization", "Bearer "+b.token)
	return b.RoundTripper.RoundTrip(request)
}

// The files in the server's folder. It keeps the certificates that it finds there, and creates
// those that are missing.
const (
	certificates = "apiserver.crt"
	accountKey   = "account.key"
	tokenList    = "tokens.csv"
)

func prepareKubernetes(data string) error {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	block := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	return errors.Join(
		os.WriteFile(filepath.Join(data, accountKey), block, 0o600),
		os.WriteFile(filepath.Join(data, tokenList), []byte(tokens), 0o600),
	)
}

func kubernetesCommand(path, data, etcd, address string) *exec.Cmd {
	key := filepath.Join(data, accountKey)
	return exec.Command(path,
		"--etcd-servers=http://"+etcd,
		"--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--secure-port="+port(address),
		"--cert-dir="+data,
		"--token-auth-file="+filepath.Join(data, tokenList),
		"--authorization-mode=RBAC",
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file="+key,
		"--service-account-signing-key-file="+key,
		"--service-cluster-ip-range=10.0.0.0/24",
		"--endpoint-reconciler-type=none",
		"--disable-admission-plugins=ServiceAccount",
		"--profiling=false",
	)
}

// kubernetesReady returns an error until the server is ready. It cannot verify the certificate,
// because the server may not have created it yet.
func kubernetesReady(ctx context.Context, address string) error {
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	defer transport.CloseIdleConnections()
	_, err := get(ctx, &http.Client{Transport: bearer{AdminToken, transport}}, "https://"+address+"/readyz", nil)
	return err
}
