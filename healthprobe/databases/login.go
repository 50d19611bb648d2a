// Package databases has the probes of pools that log in to a database and ask for its role. It is a
// Go module of its own, so that only builds that use it contain the clients of the databases:
//
//	xcaddy build --with github.com/caddy-balance/caddy-balance \
//		--with github.com/caddy-balance/caddy-balance/healthprobe/databases
//
// postgres.go and mysql.go have the settings and the checks. login.go has what they have in common,
// and connection.go the connection that the clients get.
package databases

import (
	"errors"
	"fmt"
	"strings"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/caddyfile"
)

// Login is how a probe logs in to a database, and the role that it expects there.
type Login struct {
	// The role that passes: `primary` for the server that takes writes, or `replica`. Default: any.
	Role string `json:"role,omitempty"`

	// The user to log in as. Required. It needs no other permission. Placeholders such as
	// {env.DB_USER} are replaced when the config is loaded.
	Username string `json:"username,omitempty"`

	// The password, preferably a placeholder such as {env.DB_PASSWORD} or {file./run/secrets/db},
	// which is replaced when the config is loaded. Default: none.
	Password string `json:"password,omitempty"`

	// The database to open. Placeholders are replaced when the config is loaded. Default:
	// `postgres` for PostgreSQL; MySQL needs none.
	Database string `json:"database,omitempty"`
}

const (
	rolePrimary = "primary"
	roleReplica = "replica"
)

func isRole(text string) bool { return text == rolePrimary || text == roleReplica }

// params returns the optional argument and the options of a Caddyfile.
func (l *Login) params() (argument, options caddyfile.Param) {
	role := caddyfile.Once("role", "primary or replica", &l.Role, isRole)
	return caddyfile.Optional(role), caddyfile.Group(
		role,
		caddyfile.String("username", &l.Username),
		caddyfile.String("password", &l.Password),
		caddyfile.String("database", &l.Database),
	)
}

// provision replaces placeholders and checks the settings.
func (l *Login) provision() error {
	for _, field := range []struct {
		name  string
		value *string
	}{{"username", &l.Username}, {"password", &l.Password}, {"database", &l.Database}} {
		resolved, err := caddy.NewReplacer().ReplaceOrErr(*field.value, true, true)
		if err != nil {
			return fmt.Errorf("%s: %w", field.name, err)
		}
		*field.value = resolved
	}
	switch {
	case l.Username == "":
		return errors.New("username: is missing; expected the user to log in as")
	case l.Role != "" && !isRole(l.Role):
		return fmt.Errorf("role: %q; expected primary or replica", l.Role)
	}
	return nil
}

// checkRole returns an error unless the server has the expected role.
func (l *Login) checkRole(isReplica bool) error {
	role := rolePrimary
	if isReplica {
		role = roleReplica
	}
	if l.Role != "" && l.Role != role {
		return fmt.Errorf("the role is %s, not %s", role, l.Role)
	}
	return nil
}

// refusal is an error that a server answers. Its text is quoted and cut off, and does not show the
// password, which a server may have read and repeat.
func (l *Login) refusal(code, message string) error {
	if l.Password != "" {
		message = strings.ReplaceAll(message, l.Password, "[secret]")
	}
	return fmt.Errorf("the server answers %.100q (%.10s)", message, code)
}
