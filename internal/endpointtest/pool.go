package endpointtest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// ward is a pool in a bubble, that a prober or a detector looks after.
type Pool struct {
	t     *testing.T
	Log   *observer.ObservedLogs
	Claim *endpoint.Claim
	name  string
	after int // configs
}

// caring runs a pool with these minders.
func Run(t *testing.T, test func(w *Pool), minders ...Monitor) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		core, log := observer.New(zap.InfoLevel)
		w := &Pool{t: t, Log: log, name: t.Name()}
		w.Claim = w.Acquire(zap.New(core), minders...)
		defer func() { w.Claim.Release() }()
		test(w)
	})
}

type Monitor interface {
	Run(context.Context, *endpoint.Roster)
	Conditions() endpoint.Condition
}

// acquire is what a config does.
func (w *Pool) Acquire(logger *zap.Logger, minders ...Monitor) *endpoint.Claim {
	w.t.Helper()
	w.after++
	var heeds endpoint.Condition
	for _, m := range minders {
		heeds |= m.Conditions()
	}
	c, err := endpoint.Acquire(endpoint.Definition{
		Config: w.after, Name: w.name, Text: fmt.Sprint(w.after), Rules: endpoint.Rules{Watched: heeds}, Owner: endpoint.Owner{Logger: logger},
		Run: func(ctx context.Context, r *endpoint.Roster) {
			var wg sync.WaitGroup
			for _, m := range minders {
				wg.Go(func() { m.Run(ctx, r) })
			}
			wg.Wait()
		},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	synctest.Wait() // until it is minded
	return c
}

// reload replaces the minders as a reload of the config does.
func (w *Pool) Reload(minders ...Monitor) {
	w.t.Helper()
	next := w.Acquire(w.Claim.Roster.Logger(), minders...)
	var infos []listing.Info
	for _, m := range w.Claim.Roster.Snapshot().Members {
		infos = append(infos, *m.Info)
	}
	next.Roster.Replace(infos)
	w.Claim.Release()
	w.Claim = next
}

func (w *Pool) List(names ...string) {
	infos := []listing.Info{}
	for _, name := range names {
		infos = append(infos, listing.Info{Address: name + ":1", Weight: 1})
	}
	w.Claim.Roster.Replace(infos)
}

func (w *Pool) Endpoint(name string) *endpoint.Endpoint {
	w.t.Helper()
	m := w.Claim.Roster.Snapshot().Find(name + ":1")
	if m == nil {
		w.t.Fatalf("there is no %s", name)
	}
	return m.Endpoint
}

func (w *Pool) Pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// wantServing expects those to have a share.
func (w *Pool) WantServing(want string) {
	w.t.Helper()
	synctest.Wait()
	s := w.Claim.Roster.Snapshot()
	var names []string
	for _, m := range s.Members {
		if m.Weight > 0 && !m.Is(s.Blocking) {
			names = append(names, strings.TrimSuffix(m.Address(), ":1"))
		}
	}
	if got := strings.Join(names, " "); got != want {
		w.t.Errorf("%q serve, not %q", got, want)
	}
}

func (w *Pool) WantLog(want ...string) {
	w.t.Helper()
	var got []string
	for _, e := range w.Log.TakeAll() {
		fields := e.ContextMap()
		got = append(got, fmt.Sprint(e.Message, " ", fields["address"], ": ", fields["reason"]))
	}
	if !slices.Equal(got, want) {
		w.t.Errorf("logged\n%s\nnot\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
