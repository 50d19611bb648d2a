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
const archiveHeadStart = time.Second

// membership makes one list of what the sources of a pool say, and publishes it. All that is known of
// the sources is owned by one goroutine, the loop; whatever else happens has it do something.
type membership struct {
	roster    *endpoint.Roster
	log       func() *zap.Logger
	rules     rules
	followers []*follower
	archive   *archive // nil if nothing is stored

	turns   chan func(now time.Time)
	reading sync.WaitGroup

	handover  handover
	recallAt  time.Time // when stored lists are looked for; zero if that is over
	dirty     bool      // something changed since the last publication
	published time.Time
}

// run runs the sources of a pool until ctx ends, and waits for them.
func run(ctx context.Context, name string, parts []part, rules rules, r *endpoint.Roster) {
	m := newMembership(name, parts, rules, r)
	ctx = discovery.WithStorage(ctx, r.Storage)
	var running sync.WaitGroup
	for _, f := range m.followers {
		running.Go(func() {
			keepRunning(ctx, f.part.source, func(a discovery.Answer) {
				m.do(ctx, func(now time.Time) { m.take(ctx, f, a, now) })
			})
		})
	}
	if m.archive != nil {
		running.Go(func() { m.archive.run(ctx) })
	}
	m.loop(ctx)
	running.Wait()
	m.reading.Wait()
}

func newMembership(name string, parts []part, rules rules, r *endpoint.Roster) *membership {
	now := time.Now()
	log := func() *zap.Logger { return r.Logger().With(zap.String("pool", name)) }
	m := &membership{roster: r, log: log, rules: rules, turns: make(chan func(time.Time))}
	m.published = now.Add(-rules.updateInterval) // the first list does not wait
	m.handover = handover{list: inherited(r), since: now, initialWait: rules.initialWait, emptyGrace: rules.emptyGrace}
	if rules.persist {
		m.archive = newArchive(name, r.Storage, log)
		m.recallAt = now.Add(min(archiveHeadStart, rules.initialWait/2))
	}
	before := r.SourceLists()
	for _, p := range parts {
		f := m.newFollower(p)
		m.followers = append(m.followers, f)
		m.dirty = f.restore(before[p.key], fromRoster, time.Time{}) || m.dirty
	}
	return m
}

func (m *membership) newFollower(p part) *follower {
	return &follower{
		part: p, kept: m.remember,
		log:     func() *zap.Logger { return m.log().With(zap.String("source", p.name), zap.Int("position", p.position)) },
		guard:   guard{maxLoss: m.rules.maxLoss, grace: m.rules.emptyGrace},
		leavers: leavers{grace: m.rules.removalGrace, passes: m.roster.Passes},
	}
}

// do has the loop do something.
func (m *membership) do(ctx context.Context, turn func(now time.Time)) {
	select {
	case m.turns <- turn:
	case <-ctx.Done():
	}
}

func (m *membership) loop(ctx context.Context) {
	alarm := time.NewTimer(0)
	defer alarm.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case turn := <-m.turns:
			turn(time.Now())
		case <-alarm.C:
		}
		m.pass(ctx, time.Now())
		alarm.Stop()
		if due := m.due(); !due.IsZero() {
			alarm.Reset(time.Until(due))
		}
	}
}

// take makes of an answer what is to be made of it. A source that fails at once has its stored list looked for at once.
func (m *membership) take(ctx context.Context, f *follower, a discovery.Answer, now time.Time) {
	m.dirty = f.take(a, now) || m.dirty
	if f.failing {
		m.recall(ctx, f)
	}
}

// pass does what is due.
func (m *membership) pass(ctx context.Context, now time.Time) {
	for _, f := range m.followers {
		m.dirty = f.pass(now) || m.dirty
	}
	m.dirty = m.handover.pass(m.followers, now) || m.dirty
	if reached(m.recallAt, now) {
		m.recallAt = time.Time{}
		for _, f := range m.followers {
			m.recall(ctx, f)
		}
	}
	if reached(m.publishAt(), now) {
		m.publish(now)
	}
	m.report()
}

// due is when pass has something to do; zero if never.
func (m *membership) due() time.Time {
	at := earlier(m.handover.due(m.followers), earlier(m.recallAt, m.publishAt()))
	for _, f := range m.followers {
		at = earlier(at, f.due())
	}
	return at
}

func (m *membership) report() {
	statuses := make([]endpoint.SourceStatus, len(m.followers))
	for i, f := range m.followers {
		statuses[i] = f.status()
	}
	m.roster.SetSources(statuses)
}
