package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/arrivals"
)

// trial is one run of a scenario with one of the proxies.
type trial struct {
	*scenario
	ctx    context.Context
	folder string
	pool   bool // whether the proxy has a pool, or static upstreams
	short  bool
	rate   float64
	seed   uint64
	rng    *rand.Rand
	binary string // of Caddy

	proxy   *proxy
	servers []*server
	list    []*entry
	hosts   []string
	storage string        // the module
	checks  time.Duration // the interval of health checks, 0 for none
	source  func() string // of the pool
	publish func() error  // makes a changed list known
	started func() error  // called when the proxy runs for the first time
	closers []func()      // called when the trial ends
	load    *load
	unmet   []string // expectations

	poolOptions string
	lists       *lists // of the pool, if it is from a server
	port        string // of many endpoints
	newcomers   int    // so far
	memories    int    // bytes that are kept on purpose for a while
}

// run prepares the backends and the proxy, and lets the scenario happen under load.
func (t *trial) run() (f measurements, err error) {
	defer t.close()
	t.rng = rand.New(rand.NewPCG(t.seed, 1))
	t.proxy = &proxy{binary: t.binary, folder: t.folder}
	t.hosts, t.storage, t.checks = []string{"site.test"}, "file_system", time.Second
	t.source, t.publish = t.listFile, t.writeListFile
	t.started = func() error { return nil }
	if err := t.prepare(t); err != nil {
		return f, err
	}
	if err := t.publishAtFirst(); err != nil {
		return f, err
	}
	if err := t.proxy.start(t.ctx, t.config()); err != nil {
		return f, err
	}
	if err := t.started(); err != nil {
		return f, err
	}
	t.load = t.newLoad()
	t.warmUp()
	before, err := t.proxy.rest()
	if err != nil {
		return f, err
	}
	if err := t.underLoad(t.during); err != nil {
		return f, err
	}
	after, err := t.awaitRest(before)
	if err != nil {
		return f, err
	}
	if t.ctx.Err() != nil {
		return f, t.ctx.Err()
	}
	return t.measured(before, after), nil
}

// close ends all that the trial has started.
func (t *trial) close() {
	if t.proxy.Process != nil {
		t.proxy.Kill()
	}
	for _, s := range t.servers {
		if s.Process != nil {
			s.Kill()
		}
	}
	for _, c := range t.closers {
		c()
	}
}

// warmUp sends requests for a second, so that what a proxy makes once is there.
func (t *trial) warmUp() {
	ctx, cancel := context.WithTimeout(t.ctx, time.Second)
	defer cancel()
	t.newLoad().send(ctx, t.seed, kind{t.rate, usualWork})
}

// underLoad sends requests until a function returns.
func (t *trial) underLoad(f func(*trial) error) error {
	ctx, end := context.WithCancel(t.ctx)
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		t.load.send(ctx, t.seed+1, kind{t.rate, usualWork})
	}()
	err := f(t)
	end()
	<-sent
	return err
}

// pause waits. It is an error if the run is interrupted.
func (t *trial) pause(d time.Duration) error {
	arrivals.Sleep(t.ctx, d)
	return t.ctx.Err()
}

// await waits until a condition holds.
func (t *trial) await(what string, condition func() (bool, error)) error {
	const limit = 30 * time.Second
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); {
		if ok, err := condition(); ok || err != nil {
			return err
		}
		if err := t.pause(50 * time.Millisecond); err != nil {
			return err
		}
	}
	return fmt.Errorf("not within %s: %s", limit, what)
}

// expect records what should hold and does not.
func (t *trial) expect(holds bool, format string, args ...any) {
	if !holds {
		t.unmet = append(t.unmet, fmt.Sprintf(format, args...))
	}
}

// in returns the number for the short form or the one for the full form.
func (t *trial) in(short, full int) int {
	if t.short {
		return short
	}
	return full
}

func (t *trial) listPath() string { return filepath.Join(t.folder, "list.json") }

func (t *trial) listFile() string { return "file " + t.listPath() }

// writeListFile replaces the list of a pool, and the config of static upstreams.
func (t *trial) writeListFile() error {
	if !t.pool {
		return t.reload()
	}
	text, err := json.Marshal(t.list)
	if err != nil {
		return err
	}
	next := t.listPath() + ".next"
	return errors.Join(os.WriteFile(next, text, 0o644), os.Rename(next, t.listPath()))
}

// publishAtFirst makes the list known before the proxy runs.
func (t *trial) publishAtFirst() error {
	if !t.pool {
		return nil // it is in the config
	}
	return t.publish()
}

// restart ends Caddy and starts it again. Requests find no proxy meanwhile.
func (t *trial) restart() error {
	return t.load.whileEnding(func() error {
		if err := t.proxy.terminate(t.ctx); err != nil {
			t.expect(false, "SIGTERM: %s", err)
		}
		return t.proxy.start(t.ctx, t.config())
	})
}

// reload loads the config again, or another one.
func (t *trial) reload() error {
	return t.load.whileEnding(func() error { return t.proxy.reload(t.config()) })
}
