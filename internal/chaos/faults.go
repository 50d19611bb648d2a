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

var (
	halfHeader = ordered("half a header", "send half a header and nothing more", backend.HalfHeader)
	cutBody    = ordered("cut body", "reset the connection in the middle of the body", backend.CutBody)
)

// ordered returns the scenario in which backends have a fault that their checks do not notice.
func ordered(name, what string, f backend.Fault) scenario {
	return scenario{
		name:    name,
		about:   "Two of six backends " + what + ". Their health checks pass.",
		prepare: startSix,
		during: func(t *trial) error {
			return t.misbehave(ordering(f), ordering(""))
		},
	}
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
