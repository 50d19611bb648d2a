package servers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

// Consul is a cluster of one Consul server.
type Consul struct {
	*Process
	Address string // of its HTTP API
}

// StartConsul starts a server that runs until the test ends.
func StartConsul(t testing.TB) *Consul {
	t.Helper()
	path := mustPath(t, ConsulBinary)
	address := caddytest.FreeAddress(t)
	// disable_update_check stops Consul from calling its vendor.
	config := fmt.Sprintf(`disable_update_check=true performance{raft_multiplier=1} `+
		`ports{http=%s dns=-1 server=%s serf_lan=%s serf_wan=-1 grpc=-1 grpc_tls=-1}`,
		port(address), port(caddytest.FreeAddress(t)), port(caddytest.FreeAddress(t)))
	return &Consul{Address: address, Process: Run(t, Plan{
		Name: "consul",
		Command: func(data string) *exec.Cmd {
			return exec.Command(path, "agent", "-server", "-bootstrap-expect=1", "-node=test", "-log-level=error",
				"-bind=127.0.0.1", "-client=127.0.0.1", "-data-dir="+data, "-hcl", config)
		},
		Ready: func(ctx context.Context) error { return consulReady(ctx, "http://"+address) },
	})}
}

// consulReady returns an error until the cluster has a leader. It reads the catalog as well,
// because a leader answers before it has registered itself.
func consulReady(ctx context.Context, url string) error {
	var leader string
	if err := getJSON(ctx, url+"/v1/status/leader", &leader); err != nil {
		return err
	}
	var nodes []any
	if err := getJSON(ctx, url+"/v1/catalog/nodes", &nodes); err != nil {
		return err
	}
	if leader == "" || len(nodes) == 0 {
		return errors.New("no leader")
	}
	return nil
}

func getJSON(ctx context.Context, url string, v any) error {
	body, err := get(ctx, http.DefaultClient, url, nil)
	if err != nil {
		return err
	}
	return json.Unmarshal(body, v)
}

func port(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}
