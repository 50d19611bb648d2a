package dns

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/recovered"
)

// earlyInterval is the time between two reports of a list that is not complete yet.
const earlyInterval = 200 * time.Millisecond

// trials are the look-ups of the names that a search tries, in the order of the names. Each begins
// when the one before it has ended. While requests wait for a first list, those that are left begin
// earlier, and the part of the list that is known is reported: neither one question that gets no
// answer nor a whole search domain must keep requests from the rest.
type trials struct {
	all  []*trial
	ctx  context.Context
	stop context.CancelFunc
	runs sync.WaitGroup
}

// trial is the look-up of one name, and its result once it has ended.
type trial struct {
	*lookup
	begin sync.Once
	ended chan struct{}

	found discovery.Answer
	err   error
}

// newTrials makes the look-ups. end must be called once they are not needed any more.
func newTrials(ctx context.Context, lookups []*lookup, listed bool, report discovery.Report) *trials {
	s := new(trials)
	s.ctx, s.stop = context.WithCancel(ctx)
	for _, l := range lookups {
		s.all = append(s.all, &trial{lookup: l, ended: make(chan struct{})})
	}
	if at, waits := discovery.FirstListBy(ctx); waits && !listed && len(s.all) > 0 {
		s.runs.Go(func() { s.beginEarly(at) })
		s.runs.Go(func() { s.reportEarly(at, report) })
	}
	return s
}

// end ends the look-ups that are still running, and waits for all goroutines.
func (s *trials) end() {
	s.stop()
	s.runs.Wait()
}

// result begins a look-up unless it has begun, and waits until it has ended.
func (s *trials) result(t *trial) (discovery.Answer, error) {
	t.begin.Do(func() { t.look(s.ctx) })
	return t.found, t.err
}

func (t *trial) look(ctx context.Context) {
	defer close(t.ended)
	t.found, t.err = t.run(ctx)
}

// lookAside is look in a goroutine of its own, where the pool cannot recover a panic.
func (t *trial) lookAside(ctx context.Context) {
	defer recovered.Into(&t.err, "the look-up of "+t.name)
	t.look(ctx)
}

// beginEarly begins the look-ups one after another, so that all of them have begun at a time.
func (s *trials) beginEarly(at time.Time) {
	pause := time.Until(at) / time.Duration(len(s.all))
	for _, t := range s.all[1:] {
		if !discovery.Sleep(s.ctx, pause) {
			return
		}
		s.runs.Go(func() { t.begin.Do(func() { t.lookAside(s.ctx) }) })
	}
}

// reportEarly reports the part that is known each time it has grown, from a time on until the
// search ends. Of several names that are known, the first counts.
func (s *trials) reportEarly(at time.Time, report discovery.Report) {
	from, reported := len(s.all), 0
	for pause := time.Until(at); discovery.Sleep(s.ctx, pause); pause = earlyInterval {
		for i, t := range s.all[:min(from+1, len(s.all))] {
			if t.exceeded() != nil {
				return // the look-up is about to fail
			}
			part := t.part()
			if n := len(part.Endpoints); n > 0 && (i < from || n > reported) {
				from, reported = i, n
				part.Partial = true
				for _, earlier := range s.all[:i+1] {
					part.Dropped = append(part.Dropped, earlier.unanswered()...)
				}
				report(part)
				break
			}
		}
	}
}

// part returns what is known of the name so far. The result shares nothing with that of the
// look-up.
func (t *trial) part() discovery.Answer {
	select {
	case <-t.ended:
		return discovery.Answer{Endpoints: slices.Clone(t.found.Endpoints), Dropped: slices.Clone(t.found.Dropped)}
	default:
		return t.endpoints()
	}
}
