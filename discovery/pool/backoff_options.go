package pool

import (
	"cmp"
	"fmt"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/internal/limit"
	"github.com/caddy-balance/caddy-balance/internal/options"
)

// RetryBackoff makes retries wait once a request has tried all usable endpoints. The pause is at
// random up to a bound that doubles each time ("full jitter", M. Brooker, 2015). Endpoints that
// were not tried are tried at once. It comes on top of `lb_try_interval`, and counts as part of
// `lb_try_duration`.
type RetryBackoff struct {
	// The bound of the first pause, from 1ms to 24h. Default: 25ms.
	Base caddy.Duration `json:"base,omitempty"`

	// The maximum that the bound grows to, up to 24h. It is at least `base`. Default: 10 times
	// `base`.
	Max caddy.Duration `json:"max,omitempty"`
}

const (
	defaultBackoffBase = caddy.Duration(25 * time.Millisecond)
	backoffMaxFactor   = 10
	maxBackoff         = 24 * time.Hour
)

// UnmarshalJSON refuses zeros that would become defaults.
func (b *RetryBackoff) UnmarshalJSON(data []byte) error {
	type fields RetryBackoff
	return options.Decode(data, (*fields)(b), "base", "max")
}

func (o *LimitOptions) retryBackoffOption() caddyfile.Param {
	var backoff RetryBackoff
	return caddyfile.LineInto("retry_backoff", &o.RetryBackoff, &backoff,
		caddyfile.DurationFrom("base", &backoff.Base, options.MinDuration),
		caddyfile.Optional(caddyfile.DurationFrom("max", &backoff.Max, options.MinDuration)))
}

func (o *LimitOptions) checkRetryBackoff() error {
	b := o.RetryBackoff
	if b == nil {
		return nil
	}
	err := cmp.Or(
		options.AtLeast("retry_backoff: base", cmp.Or(b.Base, defaultBackoffBase), options.MinDuration),
		options.AtLeast("retry_backoff: max", cmp.Or(b.Max, defaultBackoffBase), options.MinDuration),
	)
	if err == nil {
		err = cmp.Or(
			noMoreThan("retry_backoff: base", b.Base, maxBackoff),
			noMoreThan("retry_backoff: max", b.Max, maxBackoff),
		)
	}
	if pause := b.pause(); err == nil && pause.Max < pause.Base {
		err = fmt.Errorf("retry_backoff: max: %s is less than base, which is %s", pause.Max, pause.Base)
	}
	return err
}

// noMoreThan returns an error if a duration is more than the maximum.
func noMoreThan(name string, value caddy.Duration, most time.Duration) error {
	if time.Duration(value) <= most {
		return nil
	}
	return fmt.Errorf("%s: %s is more than %s", name, time.Duration(value), most)
}

// pause returns the settings with their defaults.
func (b *RetryBackoff) pause() limit.Backoff {
	base := time.Duration(cmp.Or(b.Base, defaultBackoffBase))
	return limit.Backoff{Base: base, Max: cmp.Or(time.Duration(b.Max), backoffMaxFactor*base)}
}
