package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"github.com/caddy-balance/caddy-balance/internal/process"
)

// run lets all scenarios happen and prints the table. It is an error if a pool does not hold its
// bounds.
func run(ctx context.Context, o *options, out, notes io.Writer) error {
	folder, err := os.MkdirTemp("", "chaos-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	fmt.Fprintln(notes, "building Caddy with this module")
	binary, err := process.Build(ctx, folder, "internal/chaos/caddy")
	if err != nil {
		return err
	}
	results := o.trials(ctx, folder, binary, notes)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	o.print(out, results)
	return unmet(results)
}

// outcome is what became of a trial.
type outcome struct {
	name string
	pool bool
	measurements
	err error
}

// trials runs each scenario with each proxy, some at the same time, and returns the outcomes in the
// order of the table.
func (o *options) trials(ctx context.Context, folder, binary string, notes io.Writer) []*outcome {
	var all []*outcome
	var running sync.WaitGroup
	places := make(chan struct{}, o.parallel)
	for i, s := range o.scenarios {
		for _, pool := range []bool{true, false} {
			if !pool && o.short {
				continue
			}
			result := &outcome{name: s.name, pool: pool}
			all = append(all, result)
			t := &trial{
				scenario: s, ctx: ctx, pool: pool, short: o.short, rate: o.rate, seed: o.seed, binary: binary,
				folder: fmt.Sprintf("%s/%d%t", folder, i, pool),
			}
			places <- struct{}{}
			running.Go(func() {
				defer func() { <-places }()
				result.measurements, result.err = t.runIn()
				fmt.Fprintln(notes, result)
			})
		}
	}
	running.Wait()
	return all
}

func (t *trial) runIn() (measurements, error) {
	if err := os.Mkdir(t.folder, 0o755); err != nil {
		return measurements{}, err
	}
	f, err := t.run()
	if err != nil && t.proxy.Process != nil {
		err = fmt.Errorf("%w\n%s", err, t.proxy.Output())
	}
	return f, err
}

// unmet returns an error that names all bounds that a pool did not hold.
func unmet(results []*outcome) error {
	var text strings.Builder
	for _, r := range results {
		if r.err != nil {
			fmt.Fprintf(&text, "\n%s: %s", r.title(), r.err)
			continue
		}
		for _, u := range r.unmet {
			if r.pool {
				fmt.Fprintf(&text, "\n%s: %s", r.title(), u)
			}
		}
	}
	if text.Len() == 0 {
		return nil
	}
	return fmt.Errorf("bounds do not hold:%s", &text)
}
