package databases

import (
	"database/sql"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
	"github.com/caddy-balance/caddy-balance/internal/process"
)

// startMariaDB starts a real server and returns a session of its administrator.
func startMariaDB(t *testing.T) (
	p *process.Process, address string, certificate *caddytest.Certificate, admin *sql.DB,
) {
	t.Helper()
	server := program(t, "mariadb-server", "/usr/sbin/mariadbd")
	folder, account := caddytest.SocketDir(t), "mysql"
	certificate, address = caddytest.NewCertificate(t), caddytest.FreeAddress(t)
	for from, to := range map[string]string{certificate.CertFile: folder + "/cert.pem", certificate.KeyFile: folder + "/key.pem"} {
		text, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if os.Getuid() == 0 {
		run(t, "chown", "-R", account, folder)
	}
	run(t, as(account, "mariadb-install-db", "--no-defaults", "--datadir="+folder+"/data", "--skip-test-db",
		"--auth-root-authentication-method=normal")...)
	_, port, _ := net.SplitHostPort(address)
	command := as(account, server, "--no-defaults", "--datadir="+folder+"/data", "--socket="+folder+"/socket",
		"--bind-address=127.0.0.1", "--skip-name-resolve", "--port="+port, "--innodb-buffer-pool-size=8M", "--innodb-flush-log-at-trx-commit=0",
		"--ssl-cert="+folder+"/cert.pem", "--ssl-key="+folder+"/key.pem", "--log-warnings=4")
	p, err := process.Start(folder, command[0], command[1:]...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	if admin, err = sql.Open("mysql", "root@unix("+folder+"/socket)/"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { admin.Close() })
	for deadline := time.Now().Add(time.Minute); admin.Ping() != nil; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) || !p.IsRunning() {
			t.Fatal(p.Output())
		}
	}
	return p, address, certificate, admin
}

func TestRealMariaDB(t *testing.T) {
	server, address, certificate, admin := startMariaDB(t)
	wantNoGoroutines(t)
	tell := func(statement string) {
		t.Helper()
		if _, err := admin.Exec(statement); err != nil {
			t.Fatal(statement, err)
		}
	}
	tell("create user caddy@'127.0.0.1' identified by '" + password + "'")
	right := Login{Username: "caddy", Password: password}
	role := func(role string) *MySQLProbe {
		return &MySQLProbe{Login: Login{Role: role, Username: "caddy", Password: password}}
	}
	for name, c := range map[string]struct {
		probe *MySQLProbe
		want  string
	}{
		"any role":       {&MySQLProbe{Login: right}, ""},
		"primary":        {role("primary"), ""},
		"replica":        {role("replica"), "the role is primary, not replica"},
		"TLS":            {&MySQLProbe{Connection: withTLS(certificate), Login: right}, ""},
		"wrong password": {&MySQLProbe{Login: Login{Username: "caddy", Password: "the-wrong-one"}}, `logging in: the server answers "Access denied for user 'caddy'@'127.0.0.1' (using password: YES)" (1045)`},
		"no database":    {&MySQLProbe{Login: Login{Username: "caddy", Password: password, Database: "none"}}, `logging in: the server answers "Access denied for user 'caddy'@'127.0.0.1' to database 'none'" (1044)`},
	} {
		wantError(t, name, check(t, c.probe, address), c.want)
	}
	stranger := &MySQLProbe{Connection: withTLS(caddytest.NewCertificate(t)), Login: right}
	if err := check(t, stranger, address); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("another certificate: %v", err)
	}
	var aborted int
	var name string
	if err := admin.QueryRow("show global status like 'Aborted_clients'").Scan(&name, &aborted); err != nil || aborted > 0 {
		t.Errorf("checks leave %d aborted clients, %v", aborted, err)
	}

	tell("set global read_only = 1")
	wantError(t, "read-only", check(t, role("primary"), address), "the role is replica, not primary")
	wantError(t, "read-only", check(t, role("replica"), address), "")
	if err := server.Suspend(); err != nil {
		t.Fatal(err)
	}
	wantTimeout(t, role("replica"), address)
	if err := server.Resume(); err != nil {
		t.Fatal(err)
	}
	wantError(t, "it goes on", check(t, role("replica"), address), "")
	admin.Close()
	server.Kill()
	wantError(t, "it is gone", check(t, role("replica"), address), "connecting: connection refused")
}

func TestAServerThatIsNotMySQLFails(t *testing.T) {
	wantNoGoroutines(t)
	probe := &MySQLProbe{Login: Login{Username: "caddy", Role: rolePrimary}}
	wantTimeout(t, probe, serve(t, "tcp", hangs))
	wantError(t, "it closes", check(t, probe, serve(t, "tcp", func(net.Conn) {})),
		"logging in: the connection was closed before the answer was complete")
	for name, text := range map[string]string{
		"another protocol": "HTTP/1.1 400 Bad Request\r\n\r\n", "an old protocol": "\x05\x00\x00\x00\x093.21", "a long packet": "\xff\xff\xff\x00\x0a",
	} {
		if err := checkWithin(t, probe, serve(t, "tcp", says(text)), time.Second); err == nil {
			t.Errorf("%s passes", name)
		} else {
			t.Log(name, err)
		}
	}
}

func TestAPasswordShowsInNoRefusal(t *testing.T) {
	login := Login{Password: caddytest.Canary}
	wantError(t, "a long answer", login.refusal("1045", strings.Repeat("x", 92)+caddytest.Canary),
		`the server answers "`+strings.Repeat("x", 92)+`[secret]" (1045)`)
}
