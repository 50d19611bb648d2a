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

// prober checks the endpoints of a roster, each at its time. One goroutine starts the checks, and
// workers run them.
//
// A target is in one place at a time: in the schedule, in a queue because too many checks are
// running, or with a worker.
type prober struct {
	probe        Probe
	key          string // identifies the probe and its settings in verdicts
	initial      string
	interval     time.Duration
	fastInterval time.Duration
	timeout      time.Duration
	thresholds   thresholds
	random       func() float64

	roster  *endpoint.Roster
	workers *workers
	wake    signal.Signal

	mu       sync.Mutex
	targets  map[*endpoint.Endpoint]*target
	departed []*target // no longer in the list, with kept things to close
	ended    bool      // run has returned; checks that are still running are abandoned
	schedule schedule
	queues   [2]queue // for targets that answer, and for targets that hang
}

func newProber(h *Health, r *endpoint.Roster) *prober {
	return &prober{
		probe: h.probe, key: h.key, initial: h.Initial,
		interval:     time.Duration(h.Interval),
		fastInterval: time.Duration(h.FastInterval),
		timeout:      time.Duration(h.Timeout),
		thresholds:   thresholds{h.Rise, h.Fall},
		random:       rand.Float64,
		roster:       r,
		wake:         signal.New(),
		targets:      make(map[*endpoint.Endpoint]*target),
	}
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
		if r := p.check(t.batch, &t.probed); ctx.Err() == nil {
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
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-p.wake.C():
		}
		timer.Reset(max(p.startDue(ctx), min(batchGap, p.fastInterval/batchGapFraction)))
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
	var b *batch
	for t := p.schedule.next(now); t != nil; t = p.schedule.next(now) {
		if !p.roster.IsCurrent() { // the prober of a newer config checks, unless that config fails to load
			p.schedule.add(t, now.Add(p.interval))
		} else if p.queueOf(t).enter(t) {
			if b == nil {
				b = p.newBatch(ctx)
			}
			p.start(ctx, t, b)
		}
	}
	p.expireUnchecked(now)
	if len(p.schedule) == 0 {
		return p.interval
	}
	return min(p.interval, p.schedule[0].due.Sub(now))
}

// expireUnchecked lets endpoints get requests whose first check has been waiting in a queue for as
// long as a check may take. The reason is not theirs: too many checks are running.
func (p *prober) expireUnchecked(now time.Time) {
	if p.initial == initialUnhealthy {
		return
	}
	for _, q := range p.queues {
		for _, t := range q.waiting {
			if now.Sub(t.due) > p.timeout {
				t.endpoint.Set(endpoint.Unchecked, false)
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
		p.start(ctx, next, p.newBatch(ctx))
	}
	t.batch.close()
	t.batch = nil
	if t.removed {
		p.wake.Set()
		return
	}
	t.hung = r.hung
	pause := p.interval
	if p.roster.IsCurrent() {
		pause = p.applyResult(t, r)
	}
	p.schedule.add(t, time.Now().Add(pause))
	if t.index == 0 {
		p.wake.Set()
	}
}
