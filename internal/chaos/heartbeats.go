package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/arrivals"
	"github.com/caddy-balance/caddy-balance/internal/freeport"
)

var heartbeats = scenario{
	name:  "500 services",
	about: "Five hundred services register and send heartbeats, through a restart of Caddy.",
	prepare: func(t *trial) error {
		t.checks = 0
		if err := t.startServices(t.in(50, 500)); err != nil {
			return err
		}
		if t.pool {
			t.source = func() string { return "registry {\ndefault_ttl 10s\n}" }
			t.publish = func() error { return nil }
			t.started = t.registerServices
		}
		return nil
	},
	during: func(t *trial) error {
		if err := t.pause(2 * time.Second); err != nil {
			return err
		}
		if err := t.restart(); err != nil {
			return err
		}
		return t.pause(time.Duration(t.in(3, 20)) * time.Second)
	},
}

// startServices starts a process that listens at many addresses, each of which is a service.
func (t *trial) startServices(n int) error {
	var addresses []string
	for len(addresses) < n {
		address, err := freeport.Address()
		if err != nil {
			return err
		}
		if !slices.Contains(addresses, address) {
			addresses = append(addresses, address)
			t.list = append(t.list, &entry{Address: address})
		}
	}
	_, err := t.newServer("services", addresses...)
	return err
}

// registerServices registers all services, and keeps them registered until the trial ends.
func (t *trial) registerServices() error {
	for i, e := range t.list {
		if err := t.register(i, e); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithCancel(t.ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		t.sendHeartbeats(ctx)
	}()
	t.closers = append(t.closers, func() { cancel(); <-ended })
	return nil
}

// sendHeartbeats sends one for each service every three seconds.
func (t *trial) sendHeartbeats(ctx context.Context) {
	const pause = 3 * time.Second
	var all sync.WaitGroup
	for i, e := range t.list {
		all.Go(func() {
			arrivals.Sleep(ctx, pause*time.Duration(i)/time.Duration(len(t.list)))
			for ctx.Err() == nil {
				_ = t.register(i, e) // the next heartbeat repeats it
				arrivals.Sleep(ctx, pause)
			}
		})
	}
	all.Wait()
}

func (t *trial) register(i int, e *entry) error {
	text, err := json.Marshal(e)
	if err != nil {
		return err
	}
	_, err = t.proxy.call(http.MethodPut, fmt.Sprintf("/pools/web/endpoints/s%d", i), "application/json", text)
	return err
}
