package servers

import (
	"context"
	_ "embed"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"text/template"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
	"github.com/caddy-balance/caddy-balance/internal/freeport"
)

// Polaris is a registry that speaks the protocol of Nacos. Nacos itself needs Java, and no package
// registry has it.
type Polaris struct {
	*Process
	Port uint64 // of Nacos' HTTP API; gRPC is 1000 above
}

//go:embed polaris.yaml
var polarisConfig string

// StartPolaris starts a server that runs until the test ends.
func StartPolaris(t testing.TB) *Polaris {
	t.Helper()
	path := mustPath(t, PolarisBinary)
	nacos := nacosPort(t)
	config := template.Must(template.New("").Parse(polarisConfig))
	return &Polaris{Port: nacos, Process: Run(t, Plan{
		Name: "polaris",
		Prepare: func(data string) error {
			file, err := os.Create(filepath.Join(data, "polaris.yaml"))
			if err != nil {
				return err
			}
			defer file.Close()
			return config.Execute(file, map[string]any{"Nacos": nacos, "GRPC": port(caddytest.FreeAddress(t))})
		},
		Command: func(data string) *exec.Cmd {
			cmd := exec.Command(path, "start", "-c", "polaris.yaml")
			cmd.Dir = data
			return cmd
		},
		Ready: func(ctx context.Context) error {
			conn, err := new(net.Dialer).DialContext(ctx, "tcp", nacosAddress(nacos+1000))
			if err == nil {
				conn.Close()
			}
			return err
		},
	})}
}

// nacosPort returns a free port. The port 1000 above it is free too, because clients of Nacos
// expect gRPC there.
func nacosPort(t testing.TB) uint64 {
	t.Helper()
	for {
		p, err := strconv.ParseUint(port(caddytest.FreeAddress(t)), 10, 16)
		if err == nil && freeport.IsFree(nacosAddress(p+1000)) {
			return p
		}
	}
}

func nacosAddress(port uint64) string {
	return net.JoinHostPort("127.0.0.1", strconv.FormatUint(port, 10))
}
