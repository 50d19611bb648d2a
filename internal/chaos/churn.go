package main

import (
	"fmt"
	"net"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/freeport"
)

// rememberedEndpoint is what a pool keeps of an endpoint that has left, in bytes. It remembers
// those of the last ten minutes, so that flapping lists do not erase what was learned.
const rememberedEndpoint = 2 << 10

var churn = scenario{
	name:  "ten thousand endpoints",
	about: "Of ten thousand endpoints 5 % are replaced every second. Static upstreams need a reload for that.",
	prepare: func(t *trial) error {
		t.checks, t.memories = 0, rememberedEndpoint*t.in(1000, 10_000)
		return t.startMany(t.in(1000, 10_000))
	},
	during: func(t *trial) error {
		for range t.in(3, 30) {
			began := time.Now()
			for range len(t.list) / 20 {
				t.list[t.rng.IntN(len(t.list))] = t.newcomer()
			}
			if err := t.publish(); err != nil {
				return err
			}
			if err := t.pause(time.Until(began.Add(time.Second))); err != nil {
				return err
			}
		}
		return nil
	},
}

// startMany starts a process that listens at all addresses of the loopback device, and lists some
// of them.
func (t *trial) startMany(n int) error {
	free, err := freeport.Address()
	if err != nil {
		return err
	}
	_, t.port, err = net.SplitHostPort(free)
	if err != nil {
		return err
	}
	for range n {
		t.list = append(t.list, t.newcomer())
	}
	_, err = t.newServer("many", ":"+t.port)
	return err
}

// newcomer returns an endpoint that was in no list yet.
func (t *trial) newcomer() *entry {
	t.newcomers++
	n := t.newcomers
	return &entry{Address: fmt.Sprintf("127.%d.%d.%d:%s", 1+n>>16, n>>8&255, n&255, t.port)}
}
