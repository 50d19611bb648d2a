package pool

import (
	"fmt"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/caddyfile"
)

// Following is how a pool follows its sources.
//
// An error never takes endpoints away: the last good list of that source stays, and the source is asked again after a
// pause that grows from 1s to 60s. Each error is logged once, and once more when it is over.
type FollowOptions struct {
	// How many percent of a source's endpoints may go at once without a doubt, from 0 to 100. An answer that loses
	// more, or that is empty, waits for `empty_grace` before it takes effect: registries that lost their data or
	// time out on all checks answer that way. Meanwhile the missing endpoints stay, and new ones are taken. 100 doubts
	// only empty answers, 0 every loss. Sources that know of a removal, such as files, are never doubted. Default: 80.
	MaxLoss *float64 `json:"max_loss,omitempty"`

	// How long a doubted loss must have been the answer before it takes effect. An error in between starts the wait
	// anew. An answer that brings back all endpoints ends it; one that brings back some starts
	// it anew, so that services which register again with an emptied registry have the time to. 0 believes
	// every answer at once. Default: 30s.
	EmptyGrace *caddy.Duration `json:"empty_grace,omitempty"`

	// How long an endpoint goes on serving after its source stopped naming it, as long as its active health checks
	// pass; without any, for all that time. Choose it if membership flaps while the endpoints are well. It does not apply to
	// removals that a source is sure of, such as from a file. Default: 0, which removes at once.
	RemovalGrace caddy.Duration `json:"removal_grace,omitempty"`

	// The least time from one publication of the pool's list to the next. The first change after a quiet time is
	// published at once; those that follow are published together, so that thousands of registrations in a second rebuild
	// the tables of the selection policies a few times. 0 publishes each. Default: 100ms.
	UpdateInterval *caddy.Duration `json:"update_interval,omitempty"`

	// Whether the last good list of each source is kept in Caddy's storage, below `balance/pools`. If a source
	// cannot be reached when Caddy starts, its stored list serves until the first answer. Sources that need no
	// network, such as files, are not stored. Default: true.
	Persist *bool `json:"persist,omitempty"`
}

// options are the part of the pool's block that is about its sources as a whole.
func (f *FollowOptions) options() []caddyfile.Param {
	return []caddyfile.Param{
		caddyfile.Pointer(caddyfile.Percent, "max_loss", &f.MaxLoss),
		caddyfile.Pointer(caddyfile.Duration, "empty_grace", &f.EmptyGrace),
		caddyfile.Duration("removal_grace", &f.RemovalGrace),
		caddyfile.Pointer(caddyfile.Duration, "update_interval", &f.UpdateInterval),
		caddyfile.Pointer(caddyfile.Switch, "persist", &f.Persist),
	}
}

func (f *FollowOptions) check() error {
	if f.MaxLoss != nil && !(0 <= *f.MaxLoss && *f.MaxLoss <= 100) {
		return fmt.Errorf("max_loss: %v is not between 0 and 100", *f.MaxLoss)
	}
	for _, d := range []struct {
		name  string
		value caddy.Duration
	}{
		{"empty_grace", or(f.EmptyGrace, 0)},
		{"removal_grace", f.RemovalGrace},
		{"update_interval", or(f.UpdateInterval, 0)},
	} {
		if d.value < 0 {
			return fmt.Errorf("%s: %s is negative", d.name, time.Duration(d.value))
		}
	}
	return nil
}

// rules are a pool's settings with the defaults filled in.
type followSettings struct {
	maxLoss        float64
	emptyGrace     time.Duration
	removalGrace   time.Duration
	updateInterval time.Duration
	initialWait    time.Duration
	persist        bool
}

func (f *FollowOptions) settings(initialWait time.Duration) followSettings {
	return followSettings{
		maxLoss:        or(f.MaxLoss, 80),
		emptyGrace:     time.Duration(or(f.EmptyGrace, caddy.Duration(30*time.Second))),
		removalGrace:   time.Duration(f.RemovalGrace),
		updateInterval: time.Duration(or(f.UpdateInterval, caddy.Duration(100*time.Millisecond))),
		initialWait:    initialWait,
		persist:        or(f.Persist, true),
	}
}

func or[T any](given *T, otherwise T) T {
	if given == nil {
		return otherwise
	}
	return *given
}
