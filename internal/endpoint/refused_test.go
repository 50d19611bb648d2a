package endpoint

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/listing"
	"github.com/caddy-balance/caddy-balance/internal/load"
)

func TestAnEndpointThatRefusesAgainIsLeftOutForLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newPool().retainLocked("[2001:db8::1]:80")
		refuse := func(begins bool, pause time.Duration) {
			t.Helper()
			if got := e.LeaveOut(load.Now()); got != begins {
				t.Errorf("begins is %t; want %t", got, begins)
			}
			if e.LeaveOut(load.Now()) {
				t.Error("a second refusal at the same time begins again")
			}
			time.Sleep(pause - time.Nanosecond)
			synctest.Wait()
			if !e.Is(Refused) {
				t.Errorf("it is back before %s are over", pause)
			}
			time.Sleep(time.Nanosecond)
			synctest.Wait()
			if e.Is(Refused) {
				t.Errorf("it is still out after %s", pause)
			}
		}
		refuse(true, 10*time.Second)
		refuse(false, 20*time.Second)
		time.Sleep(time.Second)
		refuse(false, 40*time.Second)
		refuse(false, 80*time.Second)
		refuse(false, 160*time.Second)
		refuse(false, maxLeftOut)
		refuse(false, maxLeftOut)
		time.Sleep(2*maxLeftOut + 1)
		refuse(true, 10*time.Second)
	})
}

func TestSiblingsHaveTheNameAndPortAndNotTheFamilyInCommon(t *testing.T) {
	p := newPool()
	member := func(address, host string) *Member {
		return &Member{Endpoint: p.retainLocked(address), Info: &listing.Info{Address: address, Host: host}}
	}
	for pair, want := range map[[2]string]bool{
		{"10.0.0.1:80", "[2001:db8::1]:80"}:      true,
		{"[fe80::1%eth0]:80", "10.0.0.1:80"}:     true,
		{"10.0.0.1:80", "[2001:db8::1]:81"}:      false,
		{"10.0.0.1:80", "10.0.0.2:80"}:           false,
		{"[2001:db8::1]:80", "[2001:db8::2]:80"}: false,
		{"web.test:80", "10.0.0.1:80"}:           false,
		{"unix//run/web", "[2001:db8::1]:80"}:    false,
	} {
		a, b := member(pair[0], ""), member(pair[1], "")
		if a.IsSibling(b) != want || b.IsSibling(a) != want {
			t.Errorf("%v: want %t", pair, want)
		}
	}
	for hosts, want := range map[[2]string]bool{
		{"web.test", "web.test"}: true, {"web.test", "db.test"}: false, {"web.test", ""}: false,
	} {
		a, b := member("10.0.0.1:80", hosts[0]), member("[2001:db8::1]:80", hosts[1])
		if a.IsSibling(b) != want || b.IsSibling(a) != want {
			t.Errorf("%v: want %t", hosts, want)
		}
	}
}
