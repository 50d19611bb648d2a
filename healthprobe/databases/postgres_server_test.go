package databases

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/caddy-balance/caddy-balance/healthprobe"
	"github.com/caddy-balance/caddy-balance/internal/caddytest"
	"github.com/caddy-balance/caddy-balance/internal/process"
)

// postgres is a real server. It is a replica without a primary until it is promoted.
type postgres struct {
	t           *testing.T
	process     *process.Process
	address     string
	certificate *caddytest.Certificate
}

const password = "the-right-one"

func startPostgres(t *testing.T) *postgres {
	t.Helper()
	bin := filepath.Dir(program(t, "postgresql", "/usr/lib/postgresql/*/bin/postgres"))
	folder := caddytest.SocketDir(t)
	p := &postgres{t: t, address: caddytest.FreeAddress(t), certificate: caddytest.NewCertificate(t)}
	p.copyFile(p.certificate.CertFile, folder+"/cert.pem")
	p.copyFile(p.certificate.KeyFile, folder+"/key.pem")
	p.write(folder+"/password", password)
	if os.Getuid() == 0 {
		run(t, "chown", "-R", "postgres:postgres", folder)
	}
	data := folder + "/data"
	run(t, as("postgres", bin+"/initdb", "--no-sync", "-D", data, "--username=caddy", "--pwfile="+folder+"/password",
		"--auth=scram-sha-256")...)
	p.write(data+"/standby.signal", "")
	_, port, _ := net.SplitHostPort(p.address)
	command := as("postgres", bin+"/postgres", "-D", data, "-p", port, "-k", folder, "-c", "listen_addresses=127.0.0.1",
		"-c", "fsync=off", "-c", "ssl=on",
		"-c", "log_connections=on", "-c", "log_disconnections=on",
		"-c", "ssl_cert_file="+folder+"/cert.pem", "-c", "ssl_key_file="+folder+"/key.pem")
	var err error
	if p.process, err = process.Start(folder, command[0], command[1:]...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.process.Kill)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		c, err := p.connect()
		if err == nil {
			_ = c.Close(t.Context())
			return p
		}
		if time.Now().After(deadline) || !p.process.IsRunning() {
			t.Fatalf("%v\n%s", err, p.process.Output())
		}
	}
}

func (p *postgres) write(path, text string) {
	p.t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

func (p *postgres) copyFile(from, to string) {
	p.t.Helper()
	text, err := os.ReadFile(from)
	if err != nil {
		p.t.Fatal(err)
	}
	p.write(to, string(text))
}

func (p *postgres) connect() (*pgconn.PgConn, error) {
	return pgconn.Connect(p.t.Context(), "postgres://caddy:"+password+"@"+p.address+"/postgres?sslmode=disable")
}

func TestRealPostgreSQL(t *testing.T) {
	p := startPostgres(t)
	wantNoGoroutines(t)
	right := Login{Username: "caddy", Password: password}
	role := func(role string) *PostgresProbe {
		return &PostgresProbe{Login: Login{Role: role, Username: "caddy", Password: password}}
	}
	for name, c := range map[string]struct {
		probe *PostgresProbe
		want  string
	}{
		"any role":       {&PostgresProbe{Login: right}, ""},
		"replica":        {role("replica"), ""},
		"primary":        {role("primary"), "the role is replica, not primary"},
		"TLS":            {&PostgresProbe{Connection: withTLS(p.certificate), Login: right}, ""},
		"wrong password": {&PostgresProbe{Login: Login{Username: "caddy", Password: "the-wrong-one"}}, `logging in: the server answers "password authentication failed for user \"caddy\"" (28P01)`},
		"no password":    {&PostgresProbe{Login: Login{Username: "caddy"}}, `logging in: the server answers "password authentication failed for user \"caddy\"" (28P01)`},
		"no database":    {&PostgresProbe{Login: Login{Username: "caddy", Password: password, Database: "none"}}, `logging in: the server answers "database \"none\" does not exist" (3D000)`},
	} {
		wantError(t, name, check(t, c.probe, p.address), c.want)
	}
	stranger := &PostgresProbe{Connection: withTLS(caddytest.NewCertificate(t)), Login: right}
	if err := check(t, stranger, p.address); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("another certificate: %v", err)
	}

	direct, err := p.connect()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := direct.Exec(t.Context(), "select pg_promote()").ReadAll(); err != nil {
		t.Fatal(err)
	}
	wantError(t, "promoted", check(t, role("primary"), p.address), "")
	wantError(t, "promoted", check(t, role("replica"), p.address), "the role is primary, not replica")
	if log := p.process.Output(); strings.Contains(log, "unexpected EOF") || strings.Contains(log, "reset by peer") {
		t.Errorf("checks leave errors in the server's log:\n%s", log)
	}
	_ = direct.Close(context.Background())

	if err := p.process.Suspend(); err != nil {
		t.Fatal(err)
	}
	wantTimeout(t, role("primary"), p.address)
	if err := p.process.Resume(); err != nil {
		t.Fatal(err)
	}
	wantError(t, "it goes on", check(t, role("primary"), p.address), "")
	p.process.Kill()
	err = check(t, role("primary"), p.address)
	if err == nil || errors.Is(err, healthprobe.ErrInconclusive) {
		t.Errorf("it is gone: %v", err)
	}
}
