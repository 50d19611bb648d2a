package healthprobe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/internal/options"
)

func init() { caddy.RegisterModule(new(RedisProbe)) }

// RedisProbe passes if the endpoint answers PING and, if configured, has a role.
//
// Choose it for Redis and Valkey. A server that loads its data, or refuses writes because it cannot
// save them, fails. With a role, only servers with this role pass, so that a pool of all servers
// has the primary or the replicas. Set `fail_open off` and `initial unhealthy` then, and
// `close_on_unhealthy` in layer 4.
//
// A primary that is cut off from the others still says that it is one. With `sentinels` an endpoint
// also needs that more than half of these name it. If no such majority answers, the verdict stays
// as it is, so that the loss of all Sentinels does no harm.
//
// A user with a password needs the permissions `+ping +role`.
//
// Users, passwords and names may have the placeholders `{endpoint.host}`, `{endpoint.port}`,
// `{endpoint.address}`, `{endpoint.id}`, `{endpoint.zone}`, `{endpoint.metadata.<key>}`, `{env.*}`
// and `{file.*}`.
type RedisProbe struct {
	Connection

	// The role that passes: `primary`, which Redis calls master, or `replica`. Default: any.
	Role string `json:"role,omitempty"`

	// The user to log in as. Default: Redis' user default.
	Username string `json:"username,omitempty"`

	// The password, preferably a placeholder such as {env.REDIS_PASSWORD} or
	// {file./run/secrets/redis}. Default: none; the probe does not log in.
	Password string `json:"password,omitempty"`

	// The addresses of Sentinels to ask for the primary, such as 10.0.0.1:26379; the maximum is 15.
	// List all of them. TLS and the PROXY protocol are as for the endpoint. Needs a role. Default:
	// none; the endpoint itself says what it is.
	Sentinels []string `json:"sentinels,omitempty"`

	// The name that the Sentinels have for the primary. Default: mymaster.
	SentinelName string `json:"sentinel_name,omitempty"`

	// The password of the Sentinels. Default: none.
	SentinelPassword string `json:"sentinel_password,omitempty"`

	username, password             template
	sentinelName, sentinelPassword template
	sentinels                      []*Connection
}

const (
	rolePrimary = "primary"
	roleReplica = "replica"

	maxSentinels        = 15
	defaultSentinelName = "mymaster" // that of the configuration file that comes with Sentinel
)

// redisRoles are the roles by the words of Redis' command ROLE.
var redisRoles = map[string]string{"master": rolePrimary, "slave": roleReplica}

// CaddyModule returns the Caddy module information.
func (*RedisProbe) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.reverse_proxy.upstreams.pool.probes.redis",
		New: func() caddy.Module { return new(RedisProbe) },
	}
}

// UnmarshalJSON makes errors name the option.
func (p *RedisProbe) UnmarshalJSON(data []byte) error {
	type fields RedisProbe
	return options.Decode(data, (*fields)(p))
}

// UnmarshalCaddyfile sets up the probe from Caddyfile tokens. Syntax:
//
//	probe redis [primary|replica] {
//	    role              primary|replica
//	    username          <name>
//	    password          <password>
//	    sentinels         <addresses...>
//	    sentinel_name     <name>
//	    sentinel_password <password>
//	    upstream          <address>
//	    port              <port>
//	    tls
//	    tls_server_name   <name>
//	    tls_trust_pool    <module> ...
//	    tls_client_auth   <certificate file> <key file>
//	    tls_insecure_skip_verify
//	    proxy_protocol    <v1|v2>
//	}
func (p *RedisProbe) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	role := caddyfile.Once("role", "primary or replica", &p.Role, isRole)
	return caddyfile.Parse(d, caddyfile.Optional(role), caddyfile.Block(
		role,
		caddyfile.String("username", &p.Username),
		caddyfile.String("password", &p.Password),
		caddyfile.Strings("sentinels", &p.Sentinels),
		caddyfile.String("sentinel_name", &p.SentinelName),
		caddyfile.String("sentinel_password", &p.SentinelPassword),
		p.Options(),
	))
}

func isRole(text string) bool { return text == rolePrimary || text == roleReplica }

// Provision implements caddy.Provisioner.
func (p *RedisProbe) Provision(ctx caddy.Context) error {
	for _, field := range []struct {
		name, text string
		into       *template
	}{
		{"username", p.Username, &p.username}, {"password", p.Password, &p.password},
		{"sentinel_name", cmp.Or(p.SentinelName, defaultSentinelName), &p.sentinelName},
		{"sentinel_password", p.SentinelPassword, &p.sentinelPassword},
	} {
		compiled, err := compileTemplate(field.name, field.text)
		if err != nil {
			return err
		}
		*field.into = compiled
	}
	switch {
	case p.Role != "" && !isRole(p.Role):
		return fmt.Errorf("role: %q; expected primary or replica", p.Role)
	case p.Username != "" && p.Password == "":
		return errors.New("password: is missing; username is set")
	}
	if err := p.ProvisionConnection(ctx); err != nil {
		return err
	}
	return p.provisionSentinels(ctx)
}

// Check implements Probe.
func (p *RedisProbe) Check(ctx context.Context, t *Target) error {
	connected, err := p.Connect(ctx, t.Endpoint)
	if err != nil {
		return err
	}
	defer connected.Close()
	session := newRedisSession(connected)
	if err := session.login(ctx, p.username.expand(t.Endpoint), p.password.expand(t.Endpoint)); err != nil {
		return err
	}
	answer, err := session.command(ctx, "PING")
	if err != nil {
		return err
	}
	if !slices.Equal(answer, []string{"PONG"}) {
		return fmt.Errorf("PING: the answer is %s, not PONG", quoteAnswer(answer))
	}
	if p.Role == "" {
		return nil
	}
	if err := p.checkRole(ctx, session); err != nil || p.sentinels == nil {
		return err
	}
	return p.checkSentinels(ctx, t.Endpoint, connected.RemoteAddr().String())
}

// checkRole returns an error unless the endpoint says that it has the role.
func (p *RedisProbe) checkRole(ctx context.Context, session *redisSession) error {
	answer, err := session.command(ctx, "ROLE")
	if err != nil {
		return err
	}
	if len(answer) == 0 || redisRoles[answer[0]] != p.Role {
		return fmt.Errorf("the role is %s, not %s", quoteAnswer(answer[:min(1, len(answer))]), p.Role)
	}
	return nil
}

// Interface guards
var (
	_ caddy.Provisioner     = (*RedisProbe)(nil)
	_ caddyfile.Unmarshaler = (*RedisProbe)(nil)
	_ Probe                 = (*RedisProbe)(nil)
)
