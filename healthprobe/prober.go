package healthprobe

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/bounded"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/signal"
)

// prober checks the endpoints of a roster with each probe, each at its time. One goroutine starts
// the checks, and workers run them.
//
// A target is an endpoint for one of the probes. It is in one place at a time: in the schedule, in
// a queue because too many checks are running, or with a worker.
type prober struct {
	probes  []*scheduledProbe
	initial string
	random  func() float64

	// The shortest of the probes.
	interval     time.Duration
	fastInterval time.Duration

	lastReminder time.Time // when remindOfFailOpen last looked

	roster  *endpoint.Roster
	workers *workers
	wake    signal.Signal

	mu       sync.Mutex
	targets  map[*endpoint.Endpoint][]*target // for each probe one
	departed []*target                        // no longer in the list, with kept things to close
	ended    bool                             // run has returned; checks that are still running are abandoned
	schedule schedule
	queues   [2]queue // for targets that answer, and for targets that hang
}

func newProber(h *Health, r *endpoint.Roster) *prober {
	p := &prober{
		probes: h.probes, initial: h.Initial,
		random:  rand.Float64,
		roster:  r,
		wake:    signal.New(),
		targets: make(map[*endpoint.Endpoint][]*target),
	}
	p.interval, p.fastInterval = h.probes[0].interval, h.probes[0].fastInterval
	for _, probe := range h.probes {
		p.interval, p.fastInterval = min(p.interval, probe.interval), min(p.fastInterval, probe.fastInterval)
	}
	return p
}

const (
	// batchGap is the minimum time between two moments at which checks start, or a fiftieth of the
	// fast interval if that is shorter. At 2,000 checks a second, 40 checks start together. This
	// takes a third less CPU time than waking the process up for each of them. A longer gap would
	// save little more, and would delay requests that arrive while a batch starts.
	batchGap         = 20 * time.Millisecond
	batchGapFraction = 50

	// shrinkInterval is how often one idle worker ends.
	shrinkInterval = time.Second
)

// run checks until ctx ends, and then waits for the checks that are still running, but not for
// long.
func (p *prober) run(ctx context.Context) {
	p.workers = newWorkers(func(t *target) {
		if r := p.check(t.batch, t); ctx.Err() == nil {
			p.finish(ctx, t, r)
		} else {
			p.finishLate(t)
		}
	})
	unsubscribe := p.roster.BeforePublish(p.updateTargets)
	defer func() {
		unsubscribe()
		if !bounded.Run(ctx, p.workers.wait) {
			p.logAbandoned()
		}
		p.closeAll()
	}()
	timer, lastShrink := time.NewTimer(0), time.Now()
	p.lastReminder = time.Now()
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-p.wake.C():
		}
		pause := max(p.startDue(ctx), min(batchGap, p.fastInterval/batchGapFraction))
		timer.Reset(min(pause, p.remindOfFailOpen(time.Now())))
		p.closeDeparted()
		if time.Since(lastShrink) > shrinkInterval {
			p.workers.shrink()
			lastShrink = time.Now()
		}
	}
}

// startDue starts the checks that are due, and returns the time until the next one.
func (p *prober) startDue(ctx context.Context) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	batches := newBatches(ctx)
	for t := p.schedule.next(now); t != nil; t = p.schedule.next(now) {
		if !p.roster.IsCurrent() { // the prober of a newer config checks, unless that config fails to load
			p.schedule.add(t, now.Add(t.probe.interval))
		} else if p.queueOf(t).enter(t) {
			p.start(ctx, t, batches.of(t))
		}
	}
	p.expireWaits(now)
	if len(p.schedule) == 0 {
		return p.interval
	}
	return min(p.interval, p.schedule[0].due.Sub(now))
}

// expireWaits lets endpoints get requests whose first check has been waiting in a queue for as long
// as a check may take. The reason is not theirs: too many checks are running.
func (p *prober) expireWaits(now time.Time) {
	if p.initial == initialUnhealthy {
		return
	}
	for _, q := range p.queues {
		for _, t := range q.waiting {
			if now.Sub(t.due) > t.probe.timeout {
				p.endWait(t)
			}
		}
	}
}

func (p *prober) queueOf(t *target) *queue {
	if t.hung {
		return &p.queues[1]
	}
	return &p.queues[0]
}

// start has a worker check a target. The caller must hold mu.
func (p *prober) start(ctx context.Context, t *target, b *batch) {
	b.open++
	t.batch, t.probed.Endpoint = b, t.latest
	p.workers.run(ctx, t)
}

// finish applies the result of a check, schedules the next check of the target, and starts the
// first check that waits in the queue.
func (p *prober) finish(ctx context.Context, t *target, r result) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if next := p.queueOf(t).leave(); next != nil {
		p.start(ctx, next, newBatches(ctx).of(next))
	}
	t.batch.close()
	t.batch = nil
	if t.removed {
		p.wake.Set()
		return
	}
	t.hung = r.hung
	pause := t.probe.interval
	if p.roster.IsCurrent() {
		pause = p.applyResult(t, r)
	}
	p.schedule.add(t, time.Now().Add(pause))
	if t.index == 0 {
		p.wake.Set()
	}
}
