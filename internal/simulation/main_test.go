package simulation

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
)

var (
	seedsFlag    = flag.Int("seeds", 0, "how many seeds to run, instead of the scenario's own number")
	detailFlag   = flag.Bool("detail", false, "print all that was measured, with the lowest and highest value over the seeds")
	policiesFlag policyList
)

func init() {
	flag.Var(&policiesFlag, "policy", "policy to run, by name or as JSON; may be repeated; thresholds are not checked then")
}

// base is the parent of the context of every run.
var base caddy.Context

func TestMain(m *testing.M) {
	flag.Parse()
	debug.SetGCPercent(400) // little is live, and much is made
	if err := prepareProcess(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	if testing.Verbose() {
		fmt.Print(report.markdown())
	}
	os.Exit(code)
}

// prepareProcess does what Caddy does once per process, outside of any bubble of virtual time.
func prepareProcess() (err error) {
	// The log is discarded. Encoding the fields of messages would take longer than the proxying.
	base, err = caddy.ProvisionContext(&caddy.Config{
		Logging: &caddy.Logging{Logs: map[string]*caddy.CustomLog{
			"default": {BaseLog: caddy.BaseLog{WriterRaw: []byte(`{"output":"discard"}`)}},
		}},
		AppsRaw: caddy.ModuleMap{"events": []byte(`{}`)},
	})
	if err != nil {
		return err
	}
	// A context belongs to the bubble in which it is first waited for. This one never ends, and so
	// it belongs to none.
	base.Context = context.Background()
	return startCleaner()
}

// startCleaner sends one request through a handler with a dynamic source. The first such request in
// a process makes Caddy start a goroutine that never ends. In a bubble that would be a failure,
// because a bubble ends only after all of its goroutines.
func startCleaner() error {
	s := scenario{duration: time.Minute, backends: 1, members: 1, server: func(int) server { return new(replay) }}
	f := newFleet(&s, 0)
	p, unload, err := newProxy(handlerConfig(f, &s, compared[0], 0))
	if err != nil {
		return err
	}
	defer unload()
	if !p.serve(&arrival{kind: &sameRequest, method: "GET", path: "/", luck: 1}, time.Minute) {
		return errors.New("a simulated backend did not answer the first request")
	}
	return nil
}
