package main

import (
	"fmt"
	"time"
)

var reloads = scenario{
	name:    "100 reloads",
	about:   "The config is loaded a hundred times; every other time the definition of the pool is another one.",
	prepare: startSix,
	during: func(t *trial) error {
		for i := range t.in(10, 100) {
			t.poolOptions = fmt.Sprintf("slow_start %ds", i%2)
			if err := t.reload(); err != nil {
				return err
			}
			if err := t.pause(100 * time.Millisecond); err != nil {
				return err
			}
		}
		return nil
	},
}
