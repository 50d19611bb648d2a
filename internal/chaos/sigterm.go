package main

import "time"

var sigterm = scenario{
	name:    "SIGTERM",
	about:   "Caddy gets SIGTERM, ends and is started again. Requests that it has begun are answered.",
	prepare: startSix,
	during: func(t *trial) error {
		for range t.in(1, 5) {
			if err := t.pause(time.Second); err != nil {
				return err
			}
			if err := t.restart(); err != nil {
				return err
			}
		}
		return t.pause(2 * time.Second)
	},
}
