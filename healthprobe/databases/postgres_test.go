package databases

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

// asksForPlainPassword is a server of PostgreSQL that wants the password as it is, and repeats it.
func asksForPlainPassword(c net.Conn) {
	backend := pgproto3.NewBackend(c, c)
	if _, err := backend.ReceiveStartupMessage(); err != nil {
		return
	}
	backend.Send(&pgproto3.AuthenticationCleartextPassword{})
	if backend.Flush() != nil || backend.SetAuthType(pgproto3.AuthTypeCleartextPassword) != nil {
		return
	}
	message, err := backend.Receive()
	if err != nil {
		return
	}
	given, _ := message.(*pgproto3.PasswordMessage)
	backend.Send(&pgproto3.ErrorResponse{Severity: "FATAL", Code: "28P01", Message: fmt.Sprintf("%q is wrong", given.Password)})
	_ = backend.Flush()
}

func TestAPasswordOfPostgreSQLShowsInNoError(t *testing.T) {
	wantNoGoroutines(t)
	t.Setenv("DB_PASSWORD", caddytest.Canary)
	probe := &PostgresProbe{Login: Login{Username: "caddy", Password: "{env.DB_PASSWORD}"}}
	wantError(t, "over a socket", check(t, probe, serve(t, "unix", asksForPlainPassword)),
		`logging in: the server answers "\"[secret]\" is wrong" (28P01)`)
	err := check(t, &PostgresProbe{Login: probe.Login}, serve(t, "tcp", asksForPlainPassword))
	if err == nil || !strings.HasPrefix(err.Error(), "logging in: require_auth check failed: ") {
		t.Errorf("without TLS: %v", err)
	}
}

func TestAServerThatIsNotPostgreSQLFails(t *testing.T) {
	wantNoGoroutines(t)
	probe := &PostgresProbe{Login: Login{Username: "caddy", Role: rolePrimary}}
	wantTimeout(t, probe, serve(t, "tcp", hangs))
	wantError(t, "it closes", check(t, probe, serve(t, "tcp", func(c net.Conn) { c.Read(make([]byte, 4096)) })),
		"logging in: the connection was closed before the answer was complete")
	for name, text := range map[string]string{
		"another protocol": "HTTP/1.1 400 Bad Request\r\n\r\n", "a long message": "R\x7f\xff\xff\xff", "a query without an answer": "R\x00\x00\x00\x08\x00\x00\x00\x00Z\x00\x00\x00\x05IC\x00\x00\x00\x04Z\x00\x00\x00\x05I",
	} {
		if err := checkWithin(t, probe, serve(t, "tcp", says(text)), 10*time.Second); err == nil {
			t.Errorf("%s passes", name)
		} else {
			t.Log(name, err)
		}
	}
}

func TestMistakesOfTheProbesAreRefused(t *testing.T) {
	for _, p := range []func(Login) probe{
		func(l Login) probe { return &PostgresProbe{Login: l} }, func(l Login) probe { return &MySQLProbe{Login: l} },
	} {
		for want, login := range map[string]Login{
			"username: is missing; expected the user to log in as":   {},
			`role: "master"; expected primary or replica`:            {Username: "caddy", Role: "master"},
			"password: evaluated placeholder {env.DB_NONE} is empty": {Username: "caddy", Password: "{env.DB_NONE}"},
		} {
			wantError(t, want, provision(t, p(login)), want)
		}
	}
}
