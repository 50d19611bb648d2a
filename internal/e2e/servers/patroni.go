package servers

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
	"github.com/caddy-balance/caddy-balance/internal/freeport"
)

// Patroni is a cluster of PostgreSQL with Patroni beside each member, which elects a leader by
// etcd. The members have the same ports at 127.0.0.1, 127.0.0.2 and so on.
type Patroni struct {
	Members        []*PatroniMember
	Port, RESTPort string // of PostgreSQL, and of Patroni's REST API
}

// PatroniMember is one member. It ends as a machine does: PostgreSQL together with Patroni.
type PatroniMember struct {
	*Process
	Name, Host string
	rest       string
}

// The superuser of the databases that this package starts.
const (
	PostgresUser     = "postgres"
	PostgresPassword = "the-password-of-postgres"
)

//go:embed patroni.yaml
var patroniConfig string

// StartPatroni starts an etcd and this many members, the first of which is the leader. They run
// until the test ends.
func StartPatroni(t testing.TB, size int) *Patroni {
	t.Helper()
	program, err := installed("patroni", "patroni")
	if err != nil {
		t.Fatal(err)
	}
	etcd, ports := StartEtcd(t), freePorts(t, size, 2)
	c := &Patroni{Port: ports[0], RESTPort: ports[1]}
	for i := range size {
		m := &PatroniMember{Name: fmt.Sprint("m", i+1), Host: hostNumber(i)}
		m.rest = net.JoinHostPort(m.Host, c.RESTPort)
		bin := postgresBin(t)
		m.Process = Run(t, Plan{
			Name: "patroni " + m.Name,
			Prepare: func(data string) error {
				config := strings.NewReplacer("$NAME", m.Name, "$REST", m.rest, "$ETCD", etcd.Address, "$DATA", data,
					"$BIN", bin, "$POSTGRES", net.JoinHostPort(m.Host, c.Port), "$PASSWORD", PostgresPassword,
				).Replace(patroniConfig)
				if err := os.WriteFile(filepath.Join(data, "patroni.yaml"), []byte(config), 0o600); err != nil {
					return err
				}
				return giveTo("postgres", data)
			},
			Command: func(data string) *exec.Cmd {
				return contained("postgres", program, filepath.Join(data, "patroni.yaml"))
			},
			Ready: func(ctx context.Context) error { return m.answers(ctx, "/readiness") },
		})
		c.Members = append(c.Members, m)
	}
	return c
}

// hostNumber returns a loopback address of its own for each server of a cluster.
func hostNumber(i int) string { return fmt.Sprint("127.0.0.", i+1) }

// freePorts returns ports that are free at the first addresses of hostNumber.
func freePorts(t testing.TB, hosts, count int) (ports []string) {
	t.Helper()
next:
	for len(ports) < count {
		_, port, err := net.SplitHostPort(caddytest.FreeAddress(t))
		if err != nil {
			t.Fatal(err)
		}
		for i := range hosts {
			if !freeport.IsFree(net.JoinHostPort(hostNumber(i), port)) {
				continue next
			}
		}
		ports = append(ports, port)
	}
	return ports
}

// postgresBin returns the folder with the programs of the newest PostgreSQL on this machine.
func postgresBin(t testing.TB) string {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if len(found) == 0 {
		t.Fatal("PostgreSQL is missing; install it: apt-get install -y --no-install-recommends postgresql")
	}
	return filepath.Dir(found[len(found)-1])
}

// answers returns an error unless Patroni answers a check with 200.
func (m *PatroniMember) answers(ctx context.Context, check string) error {
	_, err := get(ctx, http.DefaultClient, "http://"+m.rest+check, nil)
	return err
}

// IsLeader reports whether Patroni says of the member that it is the leader.
func (m *PatroniMember) IsLeader(ctx context.Context) bool { return m.answers(ctx, "/primary") == nil }

// IsReplica reports whether Patroni says of the member that it is a running replica.
func (m *PatroniMember) IsReplica(ctx context.Context) bool { return m.answers(ctx, "/replica") == nil }

// MayLead reports whether the member is a replica that has all acknowledged writes.
func (m *PatroniMember) MayLead(ctx context.Context) bool {
	return m.answers(ctx, "/synchronous") == nil
}

// SwitchOver asks Patroni to make another member the leader, and returns before it is.
func (m *PatroniMember) SwitchOver(ctx context.Context, to *PatroniMember) error {
	body := fmt.Appendf(nil, `{"leader": %q, "candidate": %q}`, m.Name, to.Name)
	address := "http://" + m.rest + "/switchover"
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("switchover: %s", response.Status)
	}
	return nil
}

// CrashPostgres kills PostgreSQL alone. Patroni stays.
func (m *PatroniMember) CrashPostgres() error {
	all, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return err
	}
	for _, path := range all {
		line, _ := os.ReadFile(path) // it fails if the process has ended
		if !bytes.Contains(line, []byte("\x00-D\x00"+m.Data+"/postgres\x00")) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil {
			return err
		}
		return syscall.Kill(pid, syscall.SIGKILL)
	}
	return fmt.Errorf("%s runs no PostgreSQL", m.Name)
}
