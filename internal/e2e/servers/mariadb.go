package servers

import (
	"context"
	"net"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
)

// MariaDB is one server.
type MariaDB struct {
	*Process
	Host, Address string
}

// StartMariaDB starts a server with a number, which is also its server_id. It runs until the test
// ends. Its root has no password at the socket in the folder of the data.
func StartMariaDB(t testing.TB, number int, port string) *MariaDB {
	t.Helper()
	program, err := installed("mariadbd", "mariadb-server")
	if err != nil {
		t.Fatal(err)
	}
	m := &MariaDB{Host: hostNumber(number - 1)}
	var folder string
	m.Address = net.JoinHostPort(m.Host, port)
	m.Process = Run(t, Plan{
		Name: "mariadb",
		Prepare: func(data string) error {
			folder = data
			if err := giveTo("mysql", data); err != nil {
				return err
			}
			install := contained("mysql", "mariadb-install-db", "--no-defaults",
				"--datadir="+filepath.Join(data, "data"), "--skip-test-db", "--auth-root-authentication-method=normal")
			install.Dir = "/" // every user may be there
			return install.Run()
		},
		Command: func(data string) *exec.Cmd {
			return contained("mysql", program, "--no-defaults", "--datadir="+filepath.Join(data, "data"),
				"--socket="+filepath.Join(data, "socket"), "--bind-address="+m.Host, "--port="+port,
				"--skip-name-resolve", "--log-bin", "--log-slave-updates", "--read-only=ON",
				"--innodb-buffer-pool-size=8M", "--innodb-flush-log-at-trx-commit=0",
				"--server-id="+strconv.Itoa(number))
		},
		Ready: func(ctx context.Context) error {
			c, err := new(net.Dialer).DialContext(ctx, "unix", filepath.Join(folder, "socket"))
			if err != nil {
				return err
			}
			return c.Close()
		},
	})
	return m
}

// Socket returns the path of the socket of the administrator.
func (m *MariaDB) Socket() string { return filepath.Join(m.Data, "socket") }

// FreePorts returns ports that are free at the hosts of a cluster.
func FreePorts(t testing.TB, hosts, count int) []string { return freePorts(t, hosts, count) }
