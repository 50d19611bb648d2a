package discovery

import (
	"fmt"

	"github.com/caddyserver/caddy/v2"
)

// Resolve replaces the placeholders in settings, such as {env.TOKEN} and {file./run/secrets/token}.
// Call it in Provision: the settings are then complete before Run starts. An unknown or empty
// placeholder is an error. Errors name the field and the placeholder but never a value, because
// values are often secrets.
func Resolve(field string, values ...*string) error {
	replacer := caddy.NewReplacer()
	for _, value := range values {
		resolved, err := replacer.ReplaceOrErr(*value, true, true)
		if err != nil {
			return fmt.Errorf("%s: %w", field, err)
		}
		*value = resolved
	}
	return nil
}
