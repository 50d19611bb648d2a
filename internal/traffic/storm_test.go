package traffic

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// every is what to do again and again, by the pause in between.
type every map[time.Duration]func()

// during does others until f is done.
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

// barrage sends for a while, as many clients as there are at once, and reports what failed.
func barrage(t *testing.T, seconds int, clients []*client, request func(c *client, i int) error) {
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
		time.Sleep(time.Duration(len(clients)) * 2 * time.Millisecond) // 500 a second in all, if the machine can
	})
	t.Logf("%d of %d requests failed, in %d s", failed.Load(), sent.Load(), seconds)
	if panics := logged.with("panic"); len(panics) > 0 {
		t.Error(panics)
	}
}

func clientsOf(p *proxy, n int) (all []*client) {
	for range n {
		all = append(all, p.resending())
	}
	return all
}

// shortKeepalive is for tests that reload under load: a request that is at its beginning when its
// config ends opens a connection that Caddy has no one left to close.
const shortKeepalive = "\ntransport http {\nkeepalive 2s\n}\n"

// getOne expects a backend's answer in full.
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
	} {
		t.Run(policy, func(t *testing.T) {
			fleet := startBackends(t, 6)
			list := newListFile(t, fleet...)
			// At most one backend is down, and a list has 3, so 2 retries would do if nothing happened in between.
			options := line + "\nlb_retries 4" + shortKeepalive
			p := startProxy(t, list.site(options))
			hasty := p.client()
			var reloads, victim int
			during(func() {
				barrage(t, amount(5, 1), clientsOf(p, 12), getOne)
			}, every{
				70 * time.Millisecond: func() { list.write(some(fleet, 3+rand.IntN(4))...) },
				80 * time.Millisecond: func() { // ten times a second, with the time that it takes
					reloads++
					if err := p.reloadAlone(list.site(fmt.Sprintf("%s\nheader_up X-Config %d", options, reloads))); err != nil {
						t.Error(err)
					}
				},
				time.Millisecond: func() {
					ctx, leave := context.WithTimeout(t.Context(), rand.N(3*time.Millisecond))
					defer leave()
					request, _ := http.NewRequestWithContext(ctx, http.MethodGet, hasty.base, nil)
					hasty.do(request)
				},
				40 * time.Millisecond: func() {
					b := fleet[victim%len(fleet)]
					victim++
					b.kill()
					time.Sleep(50 * time.Millisecond)
					if err := b.start(); err != nil {
						t.Error(err)
					}
				},
			})
			t.Logf("%d reloads, %d kills", reloads, victim)
			if line == roundRobin { // the others may leave out who has just failed, or who has no key's home
				fleet.expectAllHit(t)
			}
		})
	}
}

// some are n random ones, in random order.
func some(f fleet, n int) (picked fleet) {
	for _, i := range rand.Perm(len(f))[:n] {
		picked = append(picked, f[i])
	}
	return picked
}

func TestNoRequestFailsWhileTheDefinitionOfItsPoolChanges(t *testing.T) {
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
	during(func() {
		barrage(t, amount(3, 1), clientsOf(p, 8), getOne)
	}, every{
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
	during(func() {
		barrage(t, amount(3, 1), clientsOf(p, 8), getOne)
	}, every{
		50 * time.Millisecond: func() {
			other := p.adapted(withBrokenApp, pooled(fleet[:1], roundRobin))
			if err := p.post(other); err == nil {
				t.Error("a config with a broken app was loaded")
			}
		},
	})
	fleet.expectAllHit(t)
}
