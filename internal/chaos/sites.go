package main

import (
	"fmt"
	"time"
)

var manySites = scenario{
	name:  "300 sites",
	about: "Three hundred sites share one pool. A backend is killed, the list loses one, and the config is loaded.",
	prepare: func(t *trial) error {
		t.hosts = nil
		for i := range t.in(30, 300) {
			t.hosts = append(t.hosts, fmt.Sprintf("site%d.test", i))
		}
		return startSix(t)
	},
	during: func(t *trial) error {
		for _, step := range []func() error{
			func() error { t.servers[0].Kill(); return nil },
			func() error { return t.servers[0].start(t.ctx) },
			func() error { t.list = t.list[1:]; return t.publish() },
			t.reload,
		} {
			if err := step(); err != nil {
				return err
			}
			if err := t.pause(2 * time.Second); err != nil {
				return err
			}
		}
		return nil
	},
}
