package traffic

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// every maps pauses to functions that are called again and again with that pause in between.
type every map[time.Duration]func()

// during calls the others, each in a goroutine of its own, until f returns.
func during(f func(), others every) {
	ctx, done := context.WithCancel(context.Background())
	var all sync.WaitGroup
	for pause, other := range others {
		all.Go(func() {
			for ctx.Err() == nil {
				other()
				time.Sleep(pause)
			}
		})
	}
	f()
	done()
	all.Wait()
}

// sendFor sends requests for some seconds, at most 500 a second, and reports those that failed.
func sendFor(t *testing.T, seconds int, clients []*client, request func(c *client, i int) error) {
	t.Helper()
	var sent, failed atomic.Int64
	end := time.Now().Add(time.Duration(seconds) * time.Second)
	flood(len(clients), seconds*500, func(i int) {
		if time.Now().After(end) {
			return
		}
		sent.Add(1)
		if err := request(clients[i%len(clients)], i); err != nil && failed.Add(1) < 10 {
			t.Error(err)
		}
		time.Sleep(time.Duration(len(clients)) * 2 * time.Millisecond)
	})
	t.Logf("%d of %d requests failed, in %d s", failed.Load(), sent.Load(), seconds)
	if panics := logged.With("panic"); len(panics) > 0 {
		t.Error(panics)
	}
}

func retryingClients(p *proxy, n int) (all []*client) {
	for range n {
		all = append(all, p.retryingClient())
	}
	return all
}

// shortKeepalive is for tests that reload under load. A request that begins when its config ends
// opens a connection that Caddy does not close, so only the timeout of idle connections ends it.
const shortKeepalive = "\ntransport http {\nkeepalive 2s\n}\n"

// getOne expects the whole answer of a backend.
func getOne(c *client, i int) error {
	a, err := c.get(fmt.Sprint("/", i%50), "X-Id", fmt.Sprint(i))
	if err == nil && (a.status != http.StatusOK || a.body != a.backend) {
		err = fmt.Errorf("status %d from %q: %q", a.status, a.backend, a.body)
	}
	return err
}

func TestNoRequestFailsWhileEverythingChanges(t *testing.T) {
	for policy, line := range map[string]string{
		"smooth_weighted_round_robin": roundRobin,
		"adaptive_latency":            "lb_policy adaptive_latency",
		"bounded_load_hash":           "lb_policy bounded_load_hash {uri}",
		"weighted_least_conn":         "lb_policy weighted_least_conn",
		"weighted_random":             "lb_policy weighted_random",
		"weighted_first":              "lb_policy weighted_first",
	} {
		t.Run(policy, func(t *testing.T) {
			fleet := startBackends(t, 6)
			list := newListFile(t, fleet...)
			// A list has at least three backends and at most one backend is down at a time, so two
			// retries would do if nothing changed between them. Four are for changes that coincide
			// when the machine is slow.
			s := &storm{t: t, fleet: fleet, list: list, seed: newSeed(t), options: line + "\nlb_retries 4" + shortKeepalive}
			s.proxy = startProxy(t, list.site(s.options))
			during(func() { sendFor(t, amount(5, 1), retryingClients(s.proxy, 12), getOne) }, every{
				70 * time.Millisecond: s.changeList(),
				80 * time.Millisecond: s.reload,
				time.Millisecond:      s.abandonRequest(),
				40 * time.Millisecond: s.killAndRestart,
			})
			t.Logf("%d reloads, %d kills", s.reloads, s.kills)
			if line == roundRobin { // the others may avoid a backend that has just failed or is home to no key
				fleet.expectAllHit(t)
			}
		})
	}
}

// storm is what happens to a pool and its backends while requests are sent.
type storm struct {
	t       *testing.T
	proxy   *proxy
	fleet   fleet
	list    *listFile
	options string
	seed    uint64

	reloads, kills int
}

// changeList writes a random list of at least three backends.
func (s *storm) changeList() func() {
	r := newRand(s.seed, 1)
	return func() { s.list.write(s.fleet.pick(r, 3+r.IntN(len(s.fleet)-2))...) }
}

// reload loads another config, though with the same pool.
func (s *storm) reload() {
	s.reloads++
	site := s.list.site(fmt.Sprintf("%s\nheader_up X-Config %d", s.options, s.reloads))
	if err := s.proxy.reloadAlone(site); err != nil {
		s.t.Error(err)
	}
}

// abandonRequest sends a request and leaves at a random moment.
func (s *storm) abandonRequest() func() {
	c, r := s.proxy.client(), newRand(s.seed, 2)
	return func() {
		limit := time.Duration(r.Int64N(int64(3 * time.Millisecond)))
		ctx, leave := context.WithTimeout(s.t.Context(), limit)
		defer leave()
		request, _ := http.NewRequestWithContext(ctx, http.MethodGet, c.base, nil)
		c.do(request)
	}
}

// killAndRestart kills the next backend for a moment.
func (s *storm) killAndRestart() {
	b := s.fleet[s.kills%len(s.fleet)]
	s.kills++
	b.kill()
	time.Sleep(50 * time.Millisecond)
	if err := b.start(); err != nil {
		s.t.Error(err)
	}
}

func TestNoRequestFailsWhileThePoolDefinitionChanges(t *testing.T) {
	fleet := startBackends(t, 4)
	list := newListFile(t, fleet...)
	sites := []string{
		list.site(shortKeepalive),
		pooled(fleet, roundRobin+shortKeepalive),
		pooled(fleet[1:], shortKeepalive),
		fmt.Sprintf("reverse_proxy %s {\n%s\n%s\n}", fleet, roundRobin, shortKeepalive),
	}
	p := startProxy(t, sites[0])
	var reloads int
	during(func() { sendFor(t, amount(3, 1), retryingClients(p, 8), getOne) }, every{
		60 * time.Millisecond: func() {
			reloads++
			if err := p.reloadAlone(sites[reloads%len(sites)]); err != nil {
				t.Error(err)
			}
		},
	})
}

func TestNoRequestFailsWhileReloadsFail(t *testing.T) {
	fleet := startBackends(t, 3)
	p := startProxy(t, pooled(fleet, ""))
	during(func() { sendFor(t, amount(3, 1), retryingClients(p, 8), getOne) }, every{
		50 * time.Millisecond: func() {
			other := p.adapted(withBrokenApp, pooled(fleet[:1], roundRobin))
			if err := p.Reload(other); err == nil {
				t.Error("a config with a broken app was loaded")
			}
		},
	})
	fleet.expectAllHit(t)
}
