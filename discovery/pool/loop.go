package pool

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/bounded"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// firstAnswerHeadStart is how long a source has for its first answer before its stored list is
// read.
const firstAnswerHeadStart = time.Second

// loop merges the lists of a pool's sources and publishes the result. The goroutine of run owns all
// fields and all source states, which therefore need no locks. Other goroutines send it functions
// to run.
type loop struct {
	roster   *endpoint.Roster
	log      func() *zap.Logger
	settings followSettings
	sources  []*sourceState
	store    *listStore // nil if nothing is stored

	events chan func(now time.Time)
	reads  sync.WaitGroup // of stored lists

	handover     handover
	loadStoredAt time.Time // when stored lists are read; zero if that is done
	egress       egressState
	dirty        bool // something changed since the last publication
	published    time.Time
}

// followSources runs the sources of a pool until ctx ends, publishes their lists in the roster, and
// returns when all goroutines have ended or are abandoned.
func followSources(ctx context.Context, pool string, refs []sourceRef, s followSettings, r *endpoint.Roster) {
	log := func() *zap.Logger { return r.Logger().With(zap.String("pool", pool)) }
	control := &controlStore{pool: pool, instance: s.records.instance, roster: r, log: log}
	restored := control.startRestoring(ctx)
	l := newLoop(pool, refs, s, r)
	ctx = discovery.WithStorage(ctx, r.Storage)
	ctx = discovery.WithAddressCheck(ctx, func(address string) error { return r.Egress().Check(address) })
	ctx = discovery.WithFirstListBy(ctx, l.handover.since.Add(s.initialWait/2))
	var running sync.WaitGroup
	running.Go(func() {
		<-restored
		control.run(ctx)
	})
	for _, source := range l.sources {
		origin := func() (discovery.Origin, error) { return l.originOf(pool, source.ref.name) }
		running.Go(func() { l.runSource(discovery.WithOrigin(ctx, origin), source) })
	}
	if l.store != nil {
		running.Go(func() { l.store.run(ctx) })
	}
	l.run(ctx)
	running.Wait()
	l.reads.Wait()
}

// runSource runs a source until ctx ends. A source that does not stop then is abandoned: what it
// still reports is ignored, because enqueue takes nothing in any more.
func (l *loop) runSource(ctx context.Context, s *sourceState) {
	ctx = discovery.WithMaxEndpoints(ctx, s.limit)
	stopped := bounded.Run(ctx, func() {
		superviseSource(ctx, s.ref.source, func(a discovery.Answer) {
			l.enqueue(ctx, func(now time.Time) { l.applyAnswer(ctx, s, a, now) })
		})
	})
	if !stopped {
		s.log().Error("discovery: source does not stop and is abandoned")
	}
}

func newLoop(pool string, refs []sourceRef, s followSettings, r *endpoint.Roster) *loop {
	now := time.Now()
	l := &loop{
		roster:    r,
		log:       func() *zap.Logger { return r.Logger().With(zap.String("pool", pool)) },
		settings:  s,
		events:    make(chan func(time.Time)),
		published: now.Add(-s.updateInterval), // the first list does not wait
		handover: handover{
			list: inheritedList(r), since: now, initialWait: s.initialWait, emptyGrace: s.emptyGrace,
		},
		egress: egressState{r.Egress(), now},
	}
	if s.persist {
		origin := func(source string) (discovery.Origin, error) { return l.originOf(pool, source) }
		l.store = newListStore(s, origin, r.Storage, l.log)
		l.loadStoredAt = now.Add(min(firstAnswerHeadStart, s.initialWait/2))
	}
	inherited := r.SourceLists()
	for _, ref := range refs {
		source := l.newSourceState(ref)
		l.sources = append(l.sources, source)
		l.dirty = source.restoreList(inherited[ref.key], fromRoster, time.Time{}) || l.dirty
	}
	return l
}

func (l *loop) newSourceState(ref sourceRef) *sourceState {
	return &sourceState{
		ref: ref, limit: ref.limit(l.settings.maxEndpoints), onListChange: l.saveList,
		count: l.roster.SourceCounts(ref.name, ref.position),
		log: func() *zap.Logger {
			return l.log().With(zap.String("source", ref.name), zap.Int("position", ref.position))
		},
		guard: lossGuard{maxLoss: l.settings.maxLoss, grace: l.settings.emptyGrace},
		lingering: lingering{
			grace: l.settings.removalGrace, limit: l.settings.maxEndpoints, passes: l.roster.Passes,
		},
		egress: egressFilter{trusted: ref.isTrusted(), rules: l.roster.Egress},
	}
}

// enqueue makes the goroutine of the loop run a function. It waits for its turn, or for the end of
// ctx.
func (l *loop) enqueue(ctx context.Context, event func(now time.Time)) {
	select {
	case l.events <- event:
	case <-ctx.Done():
	}
}

// run handles events and deadlines until ctx ends.
func (l *loop) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case event := <-l.events:
			event(time.Now())
		case <-l.roster.EgressChanged():
			l.applyRules(time.Now())
		case <-timer.C:
		}
		l.applyDeadlines(ctx, time.Now())
		l.publishStatus()
		timer.Stop()
		if at := l.nextDeadline(); !at.IsZero() {
			timer.Reset(time.Until(at))
		}
	}
}

// applyAnswer updates the state of a source. If the source fails, its stored list is read at once
// instead of after the head start.
func (l *loop) applyAnswer(ctx context.Context, s *sourceState, a discovery.Answer, now time.Time) {
	if a.Partial {
		s.count.Partial.Add(1)
		l.dirty = s.applyPart(a, len(l.handover.list) > 0) || l.dirty
		return
	}
	l.dirty = s.applyAnswer(a, now) || l.dirty
	if s.failing {
		l.loadStored(ctx, s)
	}
}

// applyDeadlines does everything whose deadline is reached.
func (l *loop) applyDeadlines(ctx context.Context, now time.Time) {
	for _, s := range l.sources {
		l.dirty = s.applyDeadlines(now) || l.dirty
	}
	l.dirty = l.handover.expire(l.sources, now) || l.dirty
	if isDue(l.judgeAt(), now) {
		l.judge(now)
	}
	if isDue(l.loadStoredAt, now) {
		l.loadStoredAt = time.Time{}
		for _, s := range l.sources {
			l.loadStored(ctx, s)
		}
	}
	if isDue(l.publishAt(), now) {
		l.publish(now)
	}
}

// nextDeadline returns when applyDeadlines has something to do; zero if never.
func (l *loop) nextDeadline() time.Time {
	at := earliest(l.handover.nextDeadline(l.sources), earliest(l.loadStoredAt, l.publishAt()))
	at = earliest(at, l.judgeAt())
	for _, s := range l.sources {
		at = earliest(at, s.nextDeadline())
	}
	return at
}

// publishStatus updates what metrics and the admin API show of the sources.
func (l *loop) publishStatus() {
	statuses := make([]endpoint.SourceStatus, len(l.sources))
	for i, s := range l.sources {
		statuses[i] = s.status()
	}
	l.roster.SetSources(statuses)
}
