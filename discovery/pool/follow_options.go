package pool

import (
	"cmp"
	"fmt"
	"math"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/options"
)

// FollowOptions say how a pool follows its sources.
//
// An error of a source never removes endpoints: the last good list of that source stays, and the
// source is asked again after a pause that grows from 1s to 60s, with jitter. The log has one line
// for each different error, and one when the source works again.
type FollowOptions struct {
	// The maximum share of a source's endpoints that one answer may remove without confirmation, in
	// percent, from 0 to 100. An answer that removes more, or all, takes effect once it has been
	// the answer for `empty_grace`, because registries also answer that way when they lose their
	// data or when all their checks time out. Meanwhile the missing endpoints stay, and new ones
	// join. 100 confirms only empty answers, 0 confirms every loss. Removals that a source knows to
	// be intended, such as from a file, need no confirmation. Default: 80.
	MaxLoss *float64 `json:"max_loss,omitempty"`

	// How long a loss beyond `max_loss` must last before it takes effect. An error restarts the
	// time. An answer that brings all endpoints back ends it; an answer that brings back some
	// restarts it, because services that register again with an emptied registry do so one after
	// the other. A longer time protects against longer faults of the registry, and keeps endpoints
	// that are really gone for longer; health checks make up for that. 0 accepts every answer at
	// once. Default: 30s.
	EmptyGrace *caddy.Duration `json:"empty_grace,omitempty"`

	// How long an endpoint keeps serving after it disappears from its source, as long as its active
	// health checks pass; without checks, for the whole time. Choose it if the registry drops
	// endpoints that work. It does not apply to removals that a source knows to be intended, such
	// as from a file. Default: 0, which removes at once.
	RemovalGrace caddy.Duration `json:"removal_grace,omitempty"`

	// The minimum time between two publications of the pool's list. The first change after a quiet
	// time is published at once, and the changes after it together, so that thousands of
	// registrations in a second rebuild the tables of the selection policies only a few times. 0
	// publishes each change. Default: 100ms.
	UpdateInterval *caddy.Duration `json:"update_interval,omitempty"`

	// The maximum number of endpoints of each source. A longer list is an error, and the last good
	// list stays. A list in a file or from a URL counts its entries and targets, also those that
	// are dropped. The source `registry` has a limit of its own, and `static` has none. Default:
	// 10000.
	MaxEndpoints int `json:"max_endpoints,omitempty"`

	// Whether the last good list of each source is stored in Caddy's storage, below
	// `balance/pools`. If a source cannot be reached when Caddy starts, its stored list serves
	// until the first answer. A stored list belongs to this instance of Caddy and to the settings
	// of the source, with the values of their placeholders but without secrets. A name instead of
	// true shares it with all instances that use the same storage and the same name: choose that
	// for equal proxies, and where the instance ID in Caddy's data folder does not outlive a
	// restart, as in many containers. Lists that no config has used for 30 days are deleted.
	// Sources that need no network, such as files, are not stored. Turn it off if a start with an
	// old list is worse than a start without one. Default: true.
	Persist Persistence `json:"persist,omitempty"`
}

// options are the options of the pool's block that concern its sources.
func (f *FollowOptions) options() []caddyfile.Param {
	return []caddyfile.Param{
		caddyfile.Pointer(caddyfile.Percent, "max_loss", &f.MaxLoss),
		caddyfile.Pointer(caddyfile.Duration, "empty_grace", &f.EmptyGrace),
		caddyfile.Duration("removal_grace", &f.RemovalGrace),
		caddyfile.Pointer(caddyfile.Duration, "update_interval", &f.UpdateInterval),
		caddyfile.Int("max_endpoints", &f.MaxEndpoints, 1, math.MaxInt32),
		caddyfile.Func("persist", "on, off or a name", f.Persist.set),
	}
}

func (f *FollowOptions) check() error {
	if f.MaxLoss != nil && !(0 <= *f.MaxLoss && *f.MaxLoss <= 100) {
		return fmt.Errorf("max_loss: %v is not between 0 and 100", *f.MaxLoss)
	}
	if f.MaxEndpoints < 0 || f.MaxEndpoints > math.MaxInt32 {
		return fmt.Errorf("max_endpoints: %d is not between 1 and %d", f.MaxEndpoints, math.MaxInt32)
	}
	for _, d := range []struct {
		name  string
		value caddy.Duration
	}{
		{"empty_grace", valueOr(f.EmptyGrace, 0)},
		{"removal_grace", f.RemovalGrace},
		{"update_interval", valueOr(f.UpdateInterval, 0)},
	} {
		if err := options.AtLeastOrZero(d.name, d.value, options.MinDuration); err != nil {
			return err
		}
	}
	return nil
}

// followSettings are FollowOptions with the defaults filled in, and what else the loop needs.
type followSettings struct {
	maxLoss        float64
	emptyGrace     time.Duration
	removalGrace   time.Duration
	updateInterval time.Duration
	maxEndpoints   int
	initialWait    time.Duration
	persist        bool
	shared         string // the name under which instances share lists; empty if they do not
	records        *records
}

// processRecords is for all pools of the process.
var processRecords = &records{instance: instanceID}

func (f *FollowOptions) settings(initialWait time.Duration) followSettings {
	return followSettings{
		maxLoss:        valueOr(f.MaxLoss, 80),
		emptyGrace:     time.Duration(valueOr(f.EmptyGrace, caddy.Duration(30*time.Second))),
		removalGrace:   time.Duration(f.RemovalGrace),
		updateInterval: time.Duration(valueOr(f.UpdateInterval, caddy.Duration(100*time.Millisecond))),
		maxEndpoints:   cmp.Or(f.MaxEndpoints, discovery.DefaultMaxEndpoints),
		initialWait:    initialWait,
		persist:        f.Persist != persistOff,
		shared:         f.Persist.shared(),
		records:        processRecords,
	}
}

// instanceID returns the ID that Caddy keeps in its data folder.
func instanceID() (string, error) {
	id, err := caddy.InstanceID()
	return id.String(), err
}

// valueOr returns the default for a setting that is not given, which differs from a setting of
// zero.
func valueOr[T any](given *T, otherwise T) T {
	if given == nil {
		return otherwise
	}
	return *given
}
