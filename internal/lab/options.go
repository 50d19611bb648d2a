package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/commandline"
)

// options are the command line.
type options struct {
	duration  time.Duration
	rate      float64 // requests per second
	rounds    int
	seed      uint64
	scenarios []scenario
	layer4    bool // measures connections instead of HTTP requests
	proxies   []proxy
	binaries  map[string]string // of a program; empty means the usual one
}

// defaultsOfLayer4 are the defaults that are others with -layer4.
var defaultsOfLayer4 = map[string]string{
	"duration": "4s", "rate": "1000", "rounds": "5",
	"proxies": "pool/adaptive_latency,caddy/round_robin,bare/round_robin," +
		"haproxy/roundrobin,haproxy/roundrobin splice",
}

const defaultProxies = "pool/adaptive_latency,caddy/least_conn,haproxy/leastconn,nginx/least_conn"

func parse(args []string, usage io.Writer) (*options, error) {
	o := &options{binaries: make(map[string]string)}
	flags := flag.NewFlagSet("lab", flag.ContinueOnError)
	flags.DurationVar(&o.duration, "duration", 20*time.Second, "how long requests arrive in each run")
	flags.Float64Var(&o.rate, "rate", 400, "requests per second")
	flags.IntVar(&o.rounds, "rounds", 3, "runs of each proxy in each scenario")
	flags.Uint64Var(&o.seed, "seed", 1, "the seed from which requests are drawn")
	flags.BoolVar(&o.layer4, "layer4", false,
		"compare proxies of TCP connections; this has other defaults and no scenarios")
	wanted := flags.String("scenarios", strings.Join(names(scenarios), ","), "the scenarios to run, in this order")
	methods := flags.String("proxies", defaultProxies,
		"the proxies to compare, as program/method; pool/ is a pool of this module, and caddy/ a static list")
	for name, usual := range map[string]string{
		"caddy": "this module's", "haproxy": "the installed one", "nginx": "the installed one",
	} {
		flags.Func(name, "the `path` of the binary for "+name+"/... (default "+usual+")", func(path string) error {
			o.binaries[name] = path
			return nil
		})
	}
	err := commandline.Parse(flags, args, usage)
	if err != nil {
		return nil, err
	}
	programs := programs
	if o.layer4 {
		programs = connectionPrograms
		given := setDefaults(flags, defaultsOfLayer4)
		if given["scenarios"] {
			return nil, errors.New("-layer4 has no scenarios")
		}
	}
	if o.duration <= 0 || o.rate <= 0 || o.rounds <= 0 {
		return nil, errors.New("duration, rate and rounds must be positive")
	}
	if o.scenarios, err = selectScenarios(*wanted); err != nil {
		return nil, err
	}
	o.proxies, err = parseProxies(*methods, programs)
	return o, err
}

// setDefaults sets the flags that the command line leaves out. It returns those that are given.
func setDefaults(flags *flag.FlagSet, values map[string]string) (given map[string]bool) {
	given = make(map[string]bool)
	flags.Visit(func(f *flag.Flag) { given[f.Name] = true })
	for name, value := range values {
		if !given[name] {
			flags.Set(name, value)
		}
	}
	return given
}

func selectScenarios(list string) (selected []scenario, err error) {
	chosen, err := commandline.Select(list, names(scenarios))
	for _, i := range chosen {
		selected = append(selected, scenarios[i])
	}
	return selected, err
}

func parseProxies(list string, programs map[string]*program) (selected []proxy, err error) {
	for text := range strings.SplitSeq(list, ",") {
		name, method, _ := strings.Cut(text, "/")
		program, known := programs[name]
		if !known || method == "" {
			return nil, fmt.Errorf("unknown proxy %q, not a method of %s, as in haproxy/random(2)",
				text, strings.Join(slices.Sorted(maps.Keys(programs)), ", "))
		}
		selected = append(selected, proxy{program: program, method: method})
	}
	return selected, nil
}

func names(all []scenario) (names []string) {
	for _, s := range all {
		names = append(names, s.name)
	}
	return names
}
