package discovery

import (
	"fmt"

	"github.com/caddyserver/caddy/v2"
)

// Resolve replaces the placeholders of settings, such as {env.TOKEN} and {file./run/secrets/token},
// when a source is provisioned. The values are secrets as often as not, so errors
// name the field and the placeholder and never a value.
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
