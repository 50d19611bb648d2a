package discovery

import (
	"fmt"
	"time"

	"github.com/caddyserver/caddy/v2"
)

// DefaultDuration sets a duration that was left out to its default, and returns an error that names
// the field if it is negative. The Caddyfile refuses negative durations itself, but JSON does not
// pass through it.
func DefaultDuration(field string, value *caddy.Duration, byDefault time.Duration) error {
	switch {
	case *value < 0:
		return fmt.Errorf("%s: %s is negative", field, time.Duration(*value))
	case *value == 0:
		*value = caddy.Duration(byDefault)
	}
	return nil
}
