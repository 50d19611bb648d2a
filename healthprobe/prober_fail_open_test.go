package healthprobe

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/internal/endpointtest"
)

// reminders returns the lines since the last call about a pool that serves endpoints whose checks
// fail.
func reminders(pool *endpointtest.Pool) (lines []string) {
	for _, e := range pool.Log.FilterMessage("pool serves endpoints whose checks fail").All() {
		fields := e.ContextMap()
		lines = append(lines, fmt.Sprint(e.Level, " ", fields["reason"], " after ", fields["after"].(time.Duration).Truncate(time.Minute)))
	}
	pool.Log.TakeAll()
	return lines
}

func TestTheLogSaysOnceAMinuteThatFailingOpenHidesFailedChecks(t *testing.T) {
	for name, interval := range map[string]time.Duration{"often": time.Second, "seldom": 10 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			p := newScriptedProbe()
			p.fails["a"], p.fails["b"], p.hangs["c"] = true, true, true
			endpointtest.Run(t, func(pool *endpointtest.Pool) {
				pool.SetEndpoints("a", "b", "c")
				pool.Sleep(50 * time.Second)
				pool.WantServing("a b c")
				if lines := reminders(pool); lines != nil {
					t.Errorf("at once: %q", lines)
				}
				pool.Sleep(150 * time.Second)
				const reason = "warn the checks of 3 of 3 endpoints fail, most often: refused"
				want := []string{reason + " after 1m0s", reason + " after 2m0s", reason + " after 3m0s"}
				if lines := reminders(pool); !slices.Equal(lines, want) {
					t.Errorf("got %q, want %q", lines, want)
				}
			}, newHealth(p, func(h *Health) { h.Interval = caddy.Duration(interval) }))
		})
	}
}

func TestReloadsNeitherRepeatNorSuppressTheReminder(t *testing.T) {
	p := newScriptedProbe()
	p.fails["a"] = true
	endpointtest.Run(t, func(pool *endpointtest.Pool) {
		pool.SetEndpoints("a")
		pool.Sleep(time.Second)
		for range 30 {
			pool.Reload(newHealth(p))
			pool.Sleep(10 * time.Second)
		}
		if lines := reminders(pool); len(lines) != 5 {
			t.Errorf("%d lines in five minutes: %q", len(lines), lines)
		}
	}, newHealth(p))
}

func TestAPoolWithAUsableEndpointIsNotReminded(t *testing.T) {
	p := newScriptedProbe()
	p.fails["a"], p.fails["b"] = true, true
	endpointtest.Run(t, func(pool *endpointtest.Pool) {
		pool.SetEndpoints("a", "b")
		pool.Sleep(30 * time.Second)
		p.set(p.fails, "b", false)
		pool.Sleep(10 * time.Minute)
		if lines := reminders(pool); lines != nil {
			t.Errorf("%q", lines)
		}
		p.set(p.fails, "b", true)
		pool.Sleep(30 * time.Second) // the minutes begin again
		if lines := reminders(pool); lines != nil {
			t.Errorf("%q", lines)
		}
	}, newHealth(p))
}
