package main

import (
	"time"

	"github.com/caddy-balance/caddy-balance/internal/chaos/backend"
)

// The first backends misbehave for a time that is long enough for every check. If checks notice the
// fault, they are expected to have at least half of their fair share of the requests from
// recoveryTime on. If they do not, a policy may try such a backend seldom.
const (
	faulty       = 2
	recoveryTime = 5 * time.Second
	observedTime = 3 * time.Second
)

var hang = scenario{
	name:    "hang",
	about:   "Two of six backends hang: their processes are suspended, and the system accepts their connections.",
	prepare: startSix,
	during: func(t *trial) error {
		err := t.misbehave((*server).suspend, (*server).resume)
		t.expectShare(time.Now().Add(-observedTime))
		return err
	},
}

var halfHeader = scenario{
	name:    "half a header",
	about:   "Two of six backends send half a header and nothing more. Their health checks pass.",
	prepare: startSix,
	during: func(t *trial) error {
		return t.misbehave(ordering(backend.HalfHeader), ordering(""))
	},
}

var cutBody = scenario{
	name:    "cut body",
	about:   "Two of six backends reset the connection in the middle of the body. Their health checks pass.",
	prepare: startSix,
	during: func(t *trial) error {
		return t.misbehave(ordering(backend.CutBody), ordering(""))
	},
}

func ordering(f backend.Fault) func(*server) error {
	return func(s *server) error { return s.order(backend.Orders{Fault: f}) }
}

func (s *server) suspend() error { return s.Suspend() }
func (s *server) resume() error  { return s.Resume() }

// misbehave begins a fault, ends it, and waits for what the backends get after that.
func (t *trial) misbehave(begin, end func(*server) error) error {
	if err := t.pause(time.Second); err != nil {
		return err
	}
	for _, s := range t.servers[:faulty] {
		if err := begin(s); err != nil {
			return err
		}
	}
	if err := t.pause(time.Duration(t.in(6, 15)) * time.Second); err != nil {
		return err
	}
	for _, s := range t.servers[:faulty] {
		if err := end(s); err != nil {
			return err
		}
	}
	return t.pause(recoveryTime + observedTime)
}

// expectShare expects that the backends that have recovered get half of their fair share.
func (t *trial) expectShare(since time.Time) {
	all, by := t.load.answersSince(since)
	got := 0
	for _, s := range t.servers[:faulty] {
		got += by[s.name]
	}
	fair := float64(all) * faulty / fleetSize
	t.expect(float64(got) >= fair/2,
		"%d of %d requests went to the %d backends that recovered %s before, fair would be %.0f",
		got, all, faulty, recoveryTime, fair)
}
