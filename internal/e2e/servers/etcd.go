package servers

import (
	"context"
	"net/http"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

// Etcd is a cluster of one etcd member.
type Etcd struct {
	*Process
	Address string
}

// StartEtcd starts a member that runs until the test ends.
func StartEtcd(t testing.TB) *Etcd {
	t.Helper()
	path := mustPath(t, EtcdBinary)
	address, peers := caddytest.FreeAddress(t), "http://"+caddytest.FreeAddress(t)
	clients := "http://" + address
	return &Etcd{Address: address, Process: Run(t, Plan{
		Name: "etcd",
		Command: func(data string) *exec.Cmd {
			return exec.Command(path, "--data-dir", filepath.Join(data, "etcd"), "--log-level", "error",
				"--listen-client-urls", clients, "--advertise-client-urls", clients,
				"--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers,
				"--initial-cluster", "default="+peers, "--unsafe-no-fsync",
				"--heartbeat-interval", "10", "--election-timeout", "100") // starts in 60 ms, not 1 s
		},
		Ready: func(ctx context.Context) error {
			_, err := get(ctx, http.DefaultClient, clients+"/health", nil)
			return err
		},
	})}
}

// mustPath returns the path of a program, and fails the test if it cannot be built.
func mustPath(t testing.TB, b Binary) string {
	t.Helper()
	path, err := b.Path()
	if err != nil {
		t.Fatal(err)
	}
	return path
}
