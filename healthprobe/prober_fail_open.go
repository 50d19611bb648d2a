package healthprobe

import (
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-balance/caddy-balance/internal/count"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// failOpenReminder is the time between two log lines about a pool that serves endpoints whose
// checks fail. Its requests may work, so nothing else tells that the pool has no checks any more.
const failOpenReminder = time.Minute

// remindOfFailOpen logs that the pool ignores failing checks, if one more minute of that is over
// since the last call. It returns the time until the next call. The minutes are counted from when
// the pool began to fail open, so reloads do not matter.
func (p *prober) remindOfFailOpen(now time.Time) (pause time.Duration) {
	last := p.lastReminder
	p.lastReminder = now
	s := p.roster.Snapshot()
	if s.Mode != endpoint.Open || !p.roster.IsCurrent() {
		return failOpenReminder
	}
	elapsed := func(at time.Time) time.Duration { return max(at.Sub(s.ModeSince), 0) }
	if elapsed(now)/failOpenReminder > elapsed(last)/failOpenReminder {
		p.logFailOpen(s, elapsed(now))
	}
	return failOpenReminder - elapsed(now)%failOpenReminder
}

func (p *prober) logFailOpen(s *endpoint.Snapshot, elapsed time.Duration) {
	if failing, reasons := p.roster.Failures(); failing > 0 {
		p.roster.Logger().Warn("pool serves endpoints whose checks fail", zap.String("pool", p.roster.Name()),
			zap.String("reason", fmt.Sprintf("the checks of %d of %s fail, most often: %s",
				failing, count.Of(len(s.Members), "endpoint"), reasons[0].Reason)),
			zap.Duration("after", elapsed.Round(time.Second)))
	}
}
