package main

import (
	"time"

	"github.com/caddy-balance/caddy-balance/internal/chaos/backend"
)

var rollingDeploy = scenario{
	name:    "rolling deploy",
	about:   "Each of six backends in turn drains, ends and is started again. The list says so.",
	prepare: startSix,
	during: func(t *trial) error {
		for range t.in(1, 3) {
			for i := range t.servers[:t.in(3, fleetSize)] {
				if err := t.deploy(i); err != nil {
					return err
				}
			}
		}
		return nil
	},
}

func (t *trial) deploy(i int) error {
	s := t.servers[i]
	if err := t.drain(i); err != nil {
		return err
	}
	if err := t.await(s.name+" has no requests", s.isIdle); err != nil {
		return err
	}
	if err := s.Terminate(t.ctx); err != nil {
		return err
	}
	if err := s.start(t.ctx); err != nil {
		return err
	}
	if t.pool {
		t.list[i].Draining = false
		if err := t.publish(); err != nil {
			return err
		}
	}
	return t.pause(time.Second)
}

// drain takes a backend out of use, as is usual with the proxy.
func (t *trial) drain(i int) error {
	if t.pool {
		t.list[i].Draining = true
		if err := t.publish(); err != nil {
			return err
		}
		return t.pause(500 * time.Millisecond)
	}
	if err := t.servers[i].order(backend.Orders{Draining: true}); err != nil {
		return err
	}
	return t.pause(3 * t.checks)
}

func (s *server) isIdle() (bool, error) {
	state, err := s.state()
	return state.Now == 0, err
}
