package discovery

import (
	"cmp"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/internal/options"
)

// DefaultDuration sets a duration that was left out to its default, and returns an error that names
// the field if it is less than a millisecond. Such a duration is most likely a number in JSON that
// was not meant as nanoseconds.
func DefaultDuration(field string, value *caddy.Duration, byDefault time.Duration) error {
	*value = cmp.Or(*value, caddy.Duration(byDefault))
	return options.AtLeast(field, *value, MinDuration)
}

// DefaultInterval is DefaultDuration for the time between two questions to a registry, which is at
// least 100 milliseconds.
func DefaultInterval(field string, value *caddy.Duration, byDefault time.Duration) error {
	*value = cmp.Or(*value, caddy.Duration(byDefault))
	return options.AtLeast(field, *value, MinInterval)
}

const (
	// MinInterval is the minimum of DefaultInterval.
	MinInterval = options.MinInterval

	// MinDuration is the minimum of DefaultDuration.
	MinDuration = options.MinDuration
)
