package main

import (
	"errors"
	"flag"
	"io"

	"github.com/caddy-balance/caddy-balance/internal/commandline"
)

// options are the command line.
type options struct {
	short     bool
	rate      float64 // requests per second
	seed      uint64
	parallel  int // scenarios at the same time
	scenarios []*scenario
}

func parse(args []string, usage io.Writer) (*options, error) {
	o := new(options)
	flags := flag.NewFlagSet("chaos", flag.ContinueOnError)
	flags.BoolVar(&o.short, "short", false, "the short form: smaller numbers, and no stock Caddy beside the pool")
	flags.Float64Var(&o.rate, "rate", 0, "requests per second (default 300, in the short form 100)")
	flags.Uint64Var(&o.seed, "seed", 1, "the seed of all random choices")
	flags.IntVar(&o.parallel, "parallel", 0, "scenarios that run at the same time (default 1, in the short form 6)")
	wanted := flags.String("scenarios", "", "the `names` of the scenarios to run, separated by commas (default all)")
	err := commandline.Parse(flags, args, usage)
	if err != nil {
		return nil, err
	}
	if o.rate < 0 || o.parallel < 0 {
		return nil, errors.New("rate and parallel must be positive")
	}
	o.setDefaults()
	o.scenarios, err = selectScenarios(*wanted)
	return o, err
}

func (o *options) setDefaults() {
	rate, parallel := 300., 1
	if o.short {
		rate, parallel = 100, 6
	}
	if o.rate == 0 {
		o.rate = rate
	}
	if o.parallel == 0 {
		o.parallel = parallel
	}
}

func selectScenarios(list string) (selected []*scenario, err error) {
	if list == "" {
		return scenarios, nil
	}
	chosen, err := commandline.Select(list, names())
	for _, i := range chosen {
		selected = append(selected, scenarios[i])
	}
	return selected, err
}

func names() (names []string) {
	for _, s := range scenarios {
		names = append(names, s.name)
	}
	return names
}
