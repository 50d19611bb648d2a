package pool

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// archiveHeadStart is how long a source has for its first answer before its stored list is looked for.
const firstAnswerHeadStart = time.Second

// membership makes one list of what the sources of a pool say, and publishes it. All that is known of
// the sources is owned by one goroutine, the loop; whatever else happens has it do something.
type loop struct {
	roster   *endpoint.Roster
	log      func() *zap.Logger
	settings followSettings
	sources  []*sourceState
	store    *listStore // nil if nothing is stored

	events  chan func(now time.Time)
	reading sync.WaitGroup

	handover     handover
	loadStoredAt time.Time // when stored lists are looked for; zero if that is over
	dirty        bool      // something changed since the last publication
	published    time.Time
}

// run runs the sources of a pool until ctx ends, and waits for them.
func run(ctx context.Context, name string, parts []sourceRef, rules followSettings, r *endpoint.Roster) {
	m := newLoop(name, parts, rules, r)
	ctx = discovery.WithStorage(ctx, r.Storage)
	var running sync.WaitGroup
	for _, f := range m.sources {
		running.Go(func() {
			superviseSource(ctx, f.ref.source, func(a discovery.Answer) {
				m.enqueue(ctx, func(now time.Time) { m.takeAnswer(ctx, f, a, now) })
			})
		})
	}
	if m.store != nil {
		running.Go(func() { m.store.run(ctx) })
	}
	m.serve(ctx)
	running.Wait()
	m.reading.Wait()
}

func newLoop(name string, parts []sourceRef, rules followSettings, r *endpoint.Roster) *loop {
	now := time.Now()
	log := func() *zap.Logger { return r.Logger().With(zap.String("pool", name)) }
	m := &loop{roster: r, log: log, settings: rules, events: make(chan func(time.Time))}
	m.published = now.Add(-rules.updateInterval) // the first list does not wait
	m.handover = handover{list: inherited(r), since: now, initialWait: rules.initialWait, emptyGrace: rules.emptyGrace}
	if rules.persist {
		m.store = newListStore(name, r.Storage, log)
		m.loadStoredAt = now.Add(min(firstAnswerHeadStart, rules.initialWait/2))
	}
	before := r.SourceLists()
	for _, p := range parts {
		f := m.newSourceState(p)
		m.sources = append(m.sources, f)
		m.dirty = f.restore(before[p.key], fromRoster, time.Time{}) || m.dirty
	}
	return m
}

func (m *loop) newSourceState(p sourceRef) *sourceState {
	return &sourceState{
		ref: p, onListChange: m.keepList,
		log:       func() *zap.Logger { return m.log().With(zap.String("source", p.name), zap.Int("position", p.position)) },
		guard:     lossGuard{maxLoss: m.settings.maxLoss, grace: m.settings.emptyGrace},
		lingering: lingering{grace: m.settings.removalGrace, passes: m.roster.Passes},
	}
}

// do has the loop do something.
func (m *loop) enqueue(ctx context.Context, turn func(now time.Time)) {
	select {
	case m.events <- turn:
	case <-ctx.Done():
	}
}

func (m *loop) serve(ctx context.Context) {
	alarm := time.NewTimer(0)
	defer alarm.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case turn := <-m.events:
			turn(time.Now())
		case <-alarm.C:
		}
		m.expire(ctx, time.Now())
		alarm.Stop()
		if due := m.nextDeadline(); !due.IsZero() {
			alarm.Reset(time.Until(due))
		}
	}
}

// take makes of an answer what is to be made of it. A source that fails at once has its stored list looked for at once.
func (m *loop) takeAnswer(ctx context.Context, f *sourceState, a discovery.Answer, now time.Time) {
	m.dirty = f.takeAnswer(a, now) || m.dirty
	if f.failing {
		m.loadStored(ctx, f)
	}
}

// pass does what is due.
func (m *loop) expire(ctx context.Context, now time.Time) {
	for _, f := range m.sources {
		m.dirty = f.expire(now) || m.dirty
	}
	m.dirty = m.handover.expire(m.sources, now) || m.dirty
	if isDue(m.loadStoredAt, now) {
		m.loadStoredAt = time.Time{}
		for _, f := range m.sources {
			m.loadStored(ctx, f)
		}
	}
	if isDue(m.publishAt(), now) {
		m.publish(now)
	}
	m.report()
}

// due is when pass has something to do; zero if never.
func (m *loop) nextDeadline() time.Time {
	at := earliest(m.handover.nextDeadline(m.sources), earliest(m.loadStoredAt, m.publishAt()))
	for _, f := range m.sources {
		at = earliest(at, f.nextDeadline())
	}
	return at
}

func (m *loop) report() {
	statuses := make([]endpoint.SourceStatus, len(m.sources))
	for i, f := range m.sources {
		statuses[i] = f.status()
	}
	m.roster.SetSources(statuses)
}
