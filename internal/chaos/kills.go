package main

import "time"

var kills = scenario{
	name:    "kills",
	about:   "Two of six backends are killed every 3 s, and started again after 1.5 s.",
	prepare: startSix,
	during: func(t *trial) error {
		for range t.in(2, 10) {
			pair := t.rng.Perm(fleetSize)[:2]
			for _, i := range pair {
				t.servers[i].Kill()
			}
			if err := t.pause(1500 * time.Millisecond); err != nil {
				return err
			}
			for _, i := range pair {
				if err := t.servers[i].start(t.ctx); err != nil {
					return err
				}
			}
			if err := t.pause(1500 * time.Millisecond); err != nil {
				return err
			}
		}
		return nil
	},
}
