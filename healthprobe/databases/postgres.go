package databases

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/healthprobe"
	"github.com/caddy-balance/caddy-balance/internal/options"
)

func init() { caddy.RegisterModule(new(PostgresProbe)) }

// PostgresProbe passes if the probe can log in to PostgreSQL and, if configured, the server has a
// role. The role comes from the function pg_is_in_recovery.
//
// Choose it for PostgreSQL without an agent beside it that knows the roles. If there is one, such
// as Patroni, ask that by `probe http`: it also knows of a leader that has lost its lock. Set
// `fail_open off` and `initial unhealthy` for a role, and `close_on_unhealthy` in layer 4.
//
// A check opens a session, runs one query, and closes the session. A server whose connections are
// used up fails, so leave some of them to the probe's user.
//
// Without TLS the probe does not send the password in plain text, even if the server asks for that.
type PostgresProbe struct {
	healthprobe.Connection
	Login

	config *pgconn.Config
}

const (
	defaultPostgresDatabase = "postgres"

	// placeholderHost stands for the endpoint, because the client does not dial itself.
	placeholderHost = "endpoint"

	// maxPostgresMessage is the maximum length of a message. All that the probe expects are
	// shorter.
	maxPostgresMessage = 64 << 10
)

// CaddyModule returns the Caddy module information.
func (*PostgresProbe) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.reverse_proxy.upstreams.pool.probes.postgres",
		New: func() caddy.Module { return new(PostgresProbe) },
	}
}

// UnmarshalJSON makes errors name the option.
func (p *PostgresProbe) UnmarshalJSON(data []byte) error {
	type fields PostgresProbe
	return options.Decode(data, (*fields)(p))
}

// UnmarshalCaddyfile sets up the probe from Caddyfile tokens. Syntax:
//
//	probe postgres [primary|replica] {
//	    role             primary|replica
//	    username         <name>
//	    password         <password>
//	    database         <name>
//	    upstream         <address>
//	    port             <port>
//	    tls
//	    tls_server_name  <name>
//	    tls_trust_pool   <module> ...
//	    tls_client_auth  <certificate file> <key file>
//	    tls_insecure_skip_verify
//	    proxy_protocol   <v1|v2>
//	}
func (p *PostgresProbe) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	role, options := p.params()
	return caddyfile.Parse(d, role, caddyfile.Block(options, p.Options()))
}

// Provision implements caddy.Provisioner.
func (p *PostgresProbe) Provision(ctx caddy.Context) error {
	if err := p.provision(); err != nil {
		return err
	}
	if err := p.ProvisionConnection(ctx); err != nil {
		return err
	}
	// The client only accepts what it has parsed. It also reads the environment and files of the
	// process, so all that matters is set afterwards.
	config, err := pgconn.ParseConfig("port=5432 sslmode=disable host=" + placeholderHost)
	if err != nil {
		return fmt.Errorf("the environment of the process has settings of PostgreSQL: %w", err)
	}
	config.User, config.Password, config.Database = p.Username, p.Password, p.Database
	if config.Database == "" {
		config.Database = defaultPostgresDatabase
	}
	config.ConnectTimeout, config.Fallbacks, config.ValidateConnect = 0, nil, nil
	config.RuntimeParams = map[string]string{"application_name": "caddy"}
	config.SSLNegotiation, config.ChannelBinding, config.RequireAuth = "postgres", "prefer", ""
	config.MinProtocolVersion, config.MaxProtocolVersion = "3.0", "3.0"
	config.MaxProtocolMessageBodyLen = maxPostgresMessage
	config.LookupFunc = func(_ context.Context, host string) ([]string, error) { return []string{host}, nil }
	p.config = config
	return nil
}

// Check implements healthprobe.Probe.
func (p *PostgresProbe) Check(ctx context.Context, t *healthprobe.Target) error {
	raw, tls, err := p.ConnectWithoutTLS(ctx, t.Endpoint)
	if err != nil {
		return err
	}
	defer raw.Close()
	connected := &connection{Conn: raw}
	config := p.config.Copy()
	config.DialFunc, config.TLSConfig = dialer(connected), tls
	if _, isTCP := raw.RemoteAddr().(*net.TCPAddr); isTCP && tls == nil {
		config.RequireAuth = "!password"
	}
	// The connection ends with ctx. If the client knew ctx, it would go on in another goroutine to
	// cancel the query.
	client, err := pgconn.ConnectConfig(context.Background(), config)
	if err != nil {
		return p.reason(ctx, "logging in", err)
	}
	replica, err := isInRecovery(client)
	connected.parting.Store(err == nil)
	_ = client.Close(context.Background())
	if err != nil {
		return p.reason(ctx, "asking for the role", err)
	}
	return p.checkRole(replica)
}

func isInRecovery(client *pgconn.PgConn) (bool, error) {
	results, err := client.Exec(context.Background(), "select pg_is_in_recovery()").ReadAll()
	if err != nil {
		return false, err
	}
	if len(results) != 1 || len(results[0].Rows) != 1 || len(results[0].Rows[0]) != 1 {
		return false, errors.New("the answer is not one row with one column")
	}
	return string(results[0].Rows[0][0]) == "t", nil
}

// reason shortens an error of the client, whose own text has the address and the user.
func (p *PostgresProbe) reason(ctx context.Context, during string, err error) error {
	var refused *pgconn.PgError
	if errors.As(err, &refused) && ctx.Err() == nil {
		return fmt.Errorf("%s: %w", during, p.refusal(refused.Code, refused.Message))
	}
	reason := healthprobe.Reason(ctx, err)
	if _, text, ok := strings.Cut(reason.Error(), "("+placeholderHost+"): "); ok {
		reason = errors.New(text)
	}
	return fmt.Errorf("%s: %w", during, reason)
}

// Interface guards
var (
	_ caddy.Provisioner     = (*PostgresProbe)(nil)
	_ caddyfile.Unmarshaler = (*PostgresProbe)(nil)
	_ healthprobe.Probe     = (*PostgresProbe)(nil)
)
