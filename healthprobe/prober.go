package healthprobe

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// prober checks the endpoints of a roster, each in its time. It has one goroutine, and a crew for the checks that are
// under way.
type prober struct {
	probe        Probe
	key          string
	initial      string
	interval     time.Duration
	fastInterval time.Duration
	timeout      time.Duration
	thresholds   thresholds
	random       func() float64

	roster  *endpoint.Roster
	workers *workers
	wake    chan struct{}

	mu       sync.Mutex
	targets  map[*endpoint.Endpoint]*target
	departed []*target // whose kept things are still to be closed
	schedule schedule
	queues   [2]queue // for those that answer, and for those that hang
}

func newProber(h *Health, r *endpoint.Roster) *prober {
	return &prober{
		probe: h.probe, key: h.key, initial: h.Initial,
		interval: time.Duration(h.Interval), fastInterval: time.Duration(h.FastInterval), timeout: time.Duration(h.Timeout),
		thresholds: thresholds{h.Rise, h.Fall}, random: rand.Float64,
		roster: r, wake: make(chan struct{}, 1), targets: make(map[*endpoint.Endpoint]*target),
	}
}

const (
	// pulse is the least time between two moments at which checks begin, or a fiftieth of the fast interval if that is less. At 2,000
	// checks a second, 40 begin together, which takes a third less CPU time than if each wakes this process up from its
	// sleep. More at once would save little more, and keep requests waiting that come at such a moment.
	pulse = 20 * time.Millisecond

	// shrinkInterval is how often a goroutine that is idle ends.
	shrinkInterval = time.Second
)

// run checks until ctx ends, and waits for the checks that are under way then.
func (p *prober) run(ctx context.Context) {
	p.workers = newWorkers(func(t *target) {
		if r := p.check(t.batch, &t.probed); ctx.Err() == nil {
			p.finish(ctx, t, r)
		}
	})
	stop := p.roster.Subscribe(p.updateTargets)
	defer p.closeAll()
	defer p.workers.workers.Wait()
	defer stop()
	timer, shrinking := time.NewTimer(0), time.Now()
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-p.wake:
		}
		timer.Reset(max(p.startDue(ctx), min(pulse, p.fastInterval/50)))
		p.closeDeparted()
		if time.Since(shrinking) > shrinkInterval {
			p.workers.shrink()
			shrinking = time.Now()
		}
	}
}

// startDue starts the checks that are due, and returns how long it is to the next one.
func (p *prober) startDue(ctx context.Context) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	var r *batch
	for t := p.schedule.next(now); t != nil; t = p.schedule.next(now) {
		if !p.roster.IsCurrent() { // another prober looks after the endpoints, at least for now
			p.schedule.add(t, now.Add(p.interval))
		} else if p.queueOf(t).enter(t) {
			if r == nil {
				r = p.newBatch(ctx)
			}
			p.start(ctx, t, r)
		}
	}
	p.expireUnchecked(now)
	if len(p.schedule) == 0 {
		return p.interval
	}
	return min(p.interval, p.schedule[0].due.Sub(now))
}

// believe stops keeping requests from newcomers that have waited for their first check for as long as it might take.
func (p *prober) expireUnchecked(now time.Time) {
	if p.initial == initialUnhealthy {
		return
	}
	for _, l := range p.queues {
		for _, t := range l.waiting {
			if now.Sub(t.due) > p.timeout {
				t.endpoint.Set(endpoint.Unchecked, false)
			}
		}
	}
}

func (p *prober) queueOf(t *target) *queue {
	if t.hangs {
		return &p.queues[1]
	}
	return &p.queues[0]
}

func (p *prober) start(ctx context.Context, t *target, r *batch) {
	r.open++
	t.batch, t.probed.Info = r, t.latest
	p.workers.begin(ctx, t)
}

// finish takes a result, and goes on to whoever waited for the lane.
func (p *prober) finish(ctx context.Context, t *target, r result) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if next := p.queueOf(t).leave(); next != nil {
		p.start(ctx, next, p.newBatch(ctx))
	}
	t.batch.close()
	t.batch = nil
	if t.gone {
		p.wakeUp()
		return
	}
	t.hangs = r.hung
	pause := p.interval
	if p.roster.IsCurrent() {
		pause = p.applyResult(t, r)
	}
	p.schedule.add(t, time.Now().Add(pause))
	if t.place == 0 {
		p.wakeUp()
	}
}

func (p *prober) wakeUp() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}
