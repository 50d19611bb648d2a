package databases

import (
	"context"
	"net"
	"net/url"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
	"github.com/caddy-balance/caddy-balance/internal/e2e/servers"
)

// postgres is a cluster of three members behind the Caddy of examples/postgres.
type postgres struct {
	*servers.Patroni
	t             *testing.T
	writes, reads string // the addresses of Caddy
}

// startPostgres may replace further texts of the example.
func startPostgres(t *testing.T, replacements ...string) *postgres {
	t.Helper()
	p := &postgres{
		t: t, Patroni: servers.StartPatroni(t, 3),
		writes: caddytest.FreeAddress(t), reads: caddytest.FreeAddress(t),
	}
	startExample(t, "postgres", append(replacements,
		"127.0.0.1:5432", p.writes, "127.0.0.1:5433", p.reads, "port 8008", "port "+p.RESTPort,
		"10.0.0.1:5432", p.address(0), "10.0.0.2:5432", p.address(1), "10.0.0.3:5432", p.address(2))...)
	eventually(t, "two replicas", func() bool {
		first, second, third := p.Members[0], p.Members[1], p.Members[2]
		return first.IsLeader(t.Context()) && second.MayLead(t.Context()) && third.MayLead(t.Context())
	})
	return p
}

func (p *postgres) address(member int) string {
	return net.JoinHostPort(p.Members[member].Host, p.Port)
}

// connect opens a session by the address of Caddy or of a member.
func (p *postgres) connect(ctx context.Context, address, application string) (*pgx.Conn, error) {
	query := url.Values{"application_name": {application}, "sslmode": {"disable"}, "connect_timeout": {"10"}}
	target := url.URL{
		Scheme: "postgres", Host: address, Path: "/postgres", RawQuery: query.Encode(),
		User: url.UserPassword(servers.PostgresUser, servers.PostgresPassword),
	}
	return pgx.Connect(ctx, target.String())
}

// mustConnect waits until a session can be opened, because Caddy checks the roles first.
func (p *postgres) mustConnect(address, application string) (c *pgx.Conn) {
	p.t.Helper()
	eventually(p.t, "a session at "+address, func() bool {
		var err error
		c, err = p.connect(p.t.Context(), address, application)
		return err == nil
	})
	p.t.Cleanup(func() { c.Close(context.Background()) })
	return c
}

// ask returns the first column of the only row of an answer.
func ask[T any](t *testing.T, c *pgx.Conn, query string, args ...any) (answer T) {
	t.Helper()
	if err := c.QueryRow(t.Context(), query, args...).Scan(&answer); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return answer
}

// leader waits for a member that says it is the leader, other than a former one.
func (p *postgres) leader(former *servers.PatroniMember) (found *servers.PatroniMember, at time.Time) {
	p.t.Helper()
	eventually(p.t, "a leader", func() bool {
		for _, m := range p.Members {
			if m != former && m.IsLeader(p.t.Context()) {
				found, at = m, time.Now()
			}
		}
		return found != nil
	})
	return found, at
}

// sessions returns how many sessions of an application a member has.
func (p *postgres) sessions(m *servers.PatroniMember, application string) int {
	p.t.Helper()
	direct := p.mustConnect(net.JoinHostPort(m.Host, p.Port), "the test")
	defer direct.Close(context.Background())
	return ask[int](p.t, direct, "select count(*) from pg_stat_activity where application_name = $1", application)
}
