package main

import (
	"context"
	"time"
)

const (
	fullAt    = 8 // requests in flight at a backend
	burstWork = 60 * time.Millisecond
	burstTime = 3 * time.Second
)

var overload = scenario{
	name:  "overload",
	about: "A burst of 3 s wants half as much again as six backends with `max_requests 8` can take.",
	prepare: func(t *trial) error {
		err := startSix(t)
		for _, e := range t.list {
			e.MaxRequests = fullAt
		}
		return err
	},
	during: func(t *trial) error {
		for range t.in(1, 3) {
			if err := t.pause(time.Second); err != nil {
				return err
			}
			t.burst()
			if err := t.pause(3 * time.Second); err != nil {
				return err
			}
		}
		return t.expectLimit()
	},
}

func (t *trial) burst() {
	ctx, cancel := context.WithTimeout(t.ctx, burstTime)
	defer cancel()
	capacity := fullAt * fleetSize / burstWork.Seconds()
	t.load.send(ctx, t.seed+2, kind{1.5 * capacity, burstWork})
}

// capacity returns the number of requests that all endpoints of the list may have, 0 for no limit.
func (t *trial) capacity() (n int) {
	for _, e := range t.list {
		n += e.MaxRequests
	}
	return n
}

// expectLimit expects that no backend had more requests than it may have.
func (t *trial) expectLimit() error {
	for _, s := range t.servers {
		state, err := s.state()
		if err != nil {
			return err
		}
		t.expect(state.Most <= fullAt, "%s had %d requests at the same time, may have %d", s.name, state.Most, fullAt)
	}
	return nil
}
