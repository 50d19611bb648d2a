package databases

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/go-sql-driver/mysql"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/healthprobe"
	"github.com/caddy-balance/caddy-balance/internal/options"
)

func init() { caddy.RegisterModule(new(MySQLProbe)) }

// MySQLProbe passes if the probe can log in to MySQL or MariaDB and, if configured, the server has
// a role. A server whose global variable read_only is off is the primary, and others are replicas.
//
// Choose it for MySQL and MariaDB with a primary and replicas, whose tool for failover sets
// read_only. Set `fail_open off` and `initial unhealthy` for a role, and `close_on_unhealthy` in
// layer 4.
//
// A check opens a session, runs one query, and closes the session. A server whose connections are
// used up fails.
//
// Without TLS the probe does not send the password in plain text, even if the server asks for that.
type MySQLProbe struct {
	healthprobe.Connection
	Login
}

// CaddyModule returns the Caddy module information.
func (*MySQLProbe) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.reverse_proxy.upstreams.pool.probes.mysql",
		New: func() caddy.Module { return new(MySQLProbe) },
	}
}

// UnmarshalJSON makes errors name the option.
func (p *MySQLProbe) UnmarshalJSON(data []byte) error {
	type fields MySQLProbe
	return options.Decode(data, (*fields)(p))
}

// UnmarshalCaddyfile sets up the probe from Caddyfile tokens. Syntax:
//
//	probe mysql [primary|replica] {
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
func (p *MySQLProbe) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	role, options := p.params()
	return caddyfile.Parse(d, role, caddyfile.Block(options, p.Options()))
}

// Provision implements caddy.Provisioner.
func (p *MySQLProbe) Provision(ctx caddy.Context) error {
	if err := p.provision(); err != nil {
		return err
	}
	return p.ProvisionConnection(ctx)
}

// Check implements healthprobe.Probe.
func (p *MySQLProbe) Check(ctx context.Context, t *healthprobe.Target) error {
	raw, tls, err := p.ConnectWithoutTLS(ctx, t.Endpoint)
	if err != nil {
		return err
	}
	defer raw.Close()
	connected := &connection{Conn: raw}
	config := mysql.NewConfig()
	config.User, config.Passwd, config.DBName = p.Username, p.Password, p.Database
	config.TLS, config.AllowCleartextPasswords = tls, tls != nil
	config.DialFunc, config.Logger = dialer(connected), new(mysql.NopLogger)
	config.CheckConnLiveness = false
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return err
	}
	// The connection ends with ctx, so that the client need not know it.
	client, err := connector.Connect(context.Background())
	if err != nil {
		return p.reason(ctx, "logging in", err)
	}
	readOnly, err := isReadOnly(client)
	connected.parting.Store(err == nil)
	_ = client.Close()
	if err != nil {
		return p.reason(ctx, "asking for the role", err)
	}
	return p.checkRole(readOnly)
}

// notReadOnly are the values of read_only of a server that takes writes.
var notReadOnly = []string{"0", "OFF"}

func isReadOnly(client driver.Conn) (bool, error) {
	rows, err := client.(driver.QueryerContext).QueryContext(context.Background(), "select @@global.read_only", nil)
	if err != nil {
		return false, err
	}
	defer rows.Close()
	row := make([]driver.Value, len(rows.Columns()))
	if err := rows.Next(row); err != nil {
		return false, err
	}
	if len(row) != 1 {
		return false, errors.New("the answer is not one row with one column")
	}
	value := fmt.Sprint(row[0])
	if text, ok := row[0].([]byte); ok {
		value = string(text)
	}
	return !slices.Contains(notReadOnly, strings.ToUpper(value)), nil
}

// reason shortens an error of the client.
func (p *MySQLProbe) reason(ctx context.Context, during string, err error) error {
	var refused *mysql.MySQLError
	switch {
	case errors.As(err, &refused) && ctx.Err() == nil:
		return fmt.Errorf("%s: %w", during, p.refusal(fmt.Sprint(refused.Number), refused.Message))
	case errors.Is(err, mysql.ErrInvalidConn), errors.Is(err, driver.ErrBadConn):
		err = io.EOF // the client's words for a connection that has ended
	}
	return fmt.Errorf("%s: %w", during, healthprobe.Reason(ctx, err))
}

// Interface guards
var (
	_ caddy.Provisioner     = (*MySQLProbe)(nil)
	_ caddyfile.Unmarshaler = (*MySQLProbe)(nil)
	_ healthprobe.Probe     = (*MySQLProbe)(nil)
)
