package main

import (
	"os"
	"time"
)

var (
	fullStorage     = storageFault("full")
	readOnlyStorage = storageFault("read-only")
	hangingStorage  = storageFault("hangs")
)

// storageFault returns the scenario in which Caddy's storage fails in one way.
func storageFault(fault string) scenario {
	return scenario{
		name:  "storage: " + fault,
		about: "Caddy's storage fails that way while the list changes, and through a reload and a restart.",
		prepare: func(t *trial) error {
			t.storage = "faulty"
			if err := startSix(t); err != nil {
				return err
			}
			return t.serveList()
		},
		during: func(t *trial) error {
			for _, step := range []func() error{
				func() error { return nil },
				func() error { return os.WriteFile(t.faultPath(), []byte(fault), 0o644) },
				func() error { t.list = t.list[1:]; return t.publish() },
				t.reload,
				t.restart,
				func() error { return t.awaitGone(t.servers[0]) },
				func() error { return os.Remove(t.faultPath()) },
			} {
				if err := step(); err != nil {
					return err
				}
				if err := t.pause(time.Second); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

func (t *trial) faultPath() string { return t.proxy.storage() + ".fault" }
