package endpoint

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-balance/caddy-balance/internal/definition"
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

func infos(addresses ...string) []listing.Info {
	list := make([]listing.Info, len(addresses))
	for i, a := range addresses {
		list[i] = listing.Info{Address: a, Weight: 1}
	}
	return list
}

func acquire(t *testing.T, config any, name, text string) *Claim {
	t.Helper()
	c, err := Acquire(Definition{Config: config, Name: name, Text: text, Run: idle, Owner: Owner{Logger: zap.NewNop()}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func addresses(s *Snapshot) string {
	var list []string
	for _, m := range s.Members {
		list = append(list, m.Address())
	}
	return strings.Join(list, " ")
}

func TestSurvivorsKeepTheirEndpoint(t *testing.T) {
	c := acquire(t, 1, t.Name(), "")
	defer c.Release()
	c.Roster.Replace(infos("a:1", "b:1"))
	a := c.Roster.Snapshot().Find("a:1").Endpoint
	change := c.Roster.Replace([]listing.Info{{Address: "c:1", Weight: 1}, {Address: "a:1", Weight: 7}})
	if got := fmt.Sprint(change); got != "{[c:1] [b:1] [a:1]}" {
		t.Errorf("change is %s", got)
	}
	m := c.Roster.Snapshot().Find("a:1")
	if m.Endpoint != a || m.Weight != 7 {
		t.Errorf("the survivor is another endpoint or has weight %d", m.Weight)
	}
}

func TestAnUnchangedListIsNotPublished(t *testing.T) {
	c := acquire(t, 1, t.Name(), "")
	defer c.Release()
	published := 0
	defer c.Roster.BeforePublish(func(*Snapshot) { published++ })()
	for range 3 {
		c.Roster.Replace([]listing.Info{{Address: "a:1", Weight: 2, Metadata: map[string]string{"k": "v"}}})
	}
	if published != 2 { // at the subscription, and after the one change
		t.Errorf("published %d times", published)
	}
}

func TestEveryFieldOfInfoCountsAsAChange(t *testing.T) {
	for i := range reflect.TypeFor[listing.Info]().NumField() {
		a, b := listing.Info{}, listing.Info{}
		switch f := reflect.ValueOf(&b).Elem().Field(i); f.Kind() {
		case reflect.String:
			f.SetString("x")
		case reflect.Int:
			f.SetInt(9)
		case reflect.Bool:
			f.SetBool(true)
		case reflect.Map:
			f.Set(reflect.ValueOf(map[string]string{"k": "v"}))
		default:
			t.Fatalf("no value for a field of kind %s", f.Kind())
		}
		if name := reflect.TypeFor[listing.Info]().Field(i).Name; a.Equal(&b) {
			t.Errorf("a change of %s goes unnoticed", name)
		}
	}
}

func TestDrainingEndpointsAndThoseOfWeight0GetNoShare(t *testing.T) {
	c := acquire(t, 1, t.Name(), "")
	defer c.Release()
	c.Roster.Replace([]listing.Info{
		{Address: "a:1", Weight: 5, Draining: true}, {Address: "b:1"}, {Address: "c:1", Weight: 5},
	})
	for _, m := range c.Roster.Snapshot().Members {
		if want := map[string]uint32{"c:1": 5}[m.Address()]; m.Weight != want {
			t.Errorf("%s has weight %d, want %d", m.Address(), m.Weight, want)
		}
	}
}

func TestMonitorsSeeAListBeforeItIsPublished(t *testing.T) {
	c := acquire(t, 1, t.Name(), "")
	defer c.Release()
	var early bool
	stop := c.Roster.BeforePublish(func(s *Snapshot) { early = c.Roster.Snapshot() != s })
	c.Roster.Replace(infos("a:1"))
	if !early {
		t.Error("the list was published before the monitors had prepared")
	}
	stop()
	early = false
	if c.Roster.Replace(infos("b:1")); early {
		t.Error("prepare is called after stop")
	}
}

func TestEqualDefinitionsShareOneRun(t *testing.T) {
	runs, ended := 0, 0
	run := func(ctx context.Context, r *Roster) {
		runs++
		r.Replace(infos("a:1"))
		<-ctx.Done()
		ended++
	}
	def := Definition{Config: 1, Name: t.Name(), Text: "same", Owner: Owner{Logger: zap.NewNop()}, Run: run}
	first, err := Acquire(def)
	if err != nil {
		t.Fatal(err)
	}
	<-first.Roster.Answered()
	def.Config = 2 // a reload
	second, err := Acquire(def)
	if err != nil {
		t.Fatal(err)
	}
	first.Release()
	if first.Roster != second.Roster || runs != 1 || ended != 0 || addresses(second.Roster.Snapshot()) != "a:1" {
		t.Errorf("after a reload: shared %v, runs %d, ended %d", first.Roster == second.Roster, runs, ended)
	}
	second.Release()
	if ended != 1 {
		t.Error("the last Release does not wait for the end of Run")
	}
}

func TestTwoDefinitionsOfANameInOneConfigAreAnError(t *testing.T) {
	c := acquire(t, 1, t.Name(), `{"one":1}`)
	defer c.Release()
	_, err := Acquire(Definition{Config: 1, Name: t.Name(), Text: `{"two":2}`, Run: idle})
	if err == nil || !strings.Contains(err.Error(), "differently, in one, two;") {
		t.Fatalf("the error does not name the fields that differ: %v", err)
	}
	// The failed definition leaves nothing behind, so another config may use it.
	acquire(t, 2, t.Name(), `{"two":2}`).Release()
}

func TestAChangedDefinitionTakesOverWithoutAnEmptyMoment(t *testing.T) {
	old := acquire(t, 1, t.Name(), "old")
	old.Roster.Replace(infos("a:1", "b:1"))
	a := old.Roster.Snapshot().Find("a:1").Endpoint
	changed := acquire(t, 2, t.Name(), "new")
	if got := addresses(changed.Roster.Snapshot()); got != "a:1 b:1" {
		t.Fatalf("before its first answer the new roster has %q", got)
	}
	changed.Roster.Replace(infos("a:1", "c:1"))
	if got := addresses(old.Roster.Snapshot()); got != "a:1 b:1" {
		t.Errorf("the old config now has %q", got)
	}
	old.Release()
	if changed.Roster.Snapshot().Find("a:1").Endpoint != a {
		t.Error("the survivor is another endpoint")
	}
	changed.Release()
}

func TestAConfigThatFailsToLoadDoesNotAffectTheOldOne(t *testing.T) {
	old := acquire(t, 1, t.Name(), "old")
	defer old.Release()
	old.Roster.Replace(infos("a:1"))
	a := old.Roster.Snapshot().Find("a:1").Endpoint
	failed := acquire(t, 2, t.Name(), "new")
	failed.Roster.Replace(infos("z:1"))
	failed.Release()
	old.Roster.Replace(infos("a:1", "b:1"))
	if s := old.Roster.Snapshot(); addresses(s) != "a:1 b:1" || s.Find("a:1").Endpoint != a {
		t.Errorf("the old roster has %q", addresses(s))
	}
}

func TestAFlappingEndpointIsRememberedForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := acquire(t, 1, t.Name(), "")
		defer c.Release()
		c.Roster.Replace(infos("a:1", "b:1"))
		a := c.Roster.Snapshot().Find("a:1").Endpoint
		flap := func(absent time.Duration) *Endpoint {
			c.Roster.Replace(infos("b:1"))
			time.Sleep(absent)
			c.Roster.Replace(infos("b:1", "c:1")) // any change forgets endpoints that left long ago
			c.Roster.Replace(infos("a:1", "b:1"))
			return c.Roster.Snapshot().Find("a:1").Endpoint
		}
		if flap(departedKept/2) != a {
			t.Error("the endpoint is forgotten after half the time")
		}
		if flap(departedKept+time.Second) == a {
			t.Error("the endpoint is still known after the time")
		}
	})
}

func TestReservationsAreExactUnderConcurrency(t *testing.T) {
	c := acquire(t, 1, t.Name(), "")
	defer c.Release()
	c.Roster.Replace(infos("a:1"))
	e := c.Roster.Snapshot().Members[0].Endpoint
	var wg sync.WaitGroup
	var mu sync.Mutex
	highest := 0
	for range 8 {
		wg.Go(func() {
			for range 1000 {
				if e.Reserve(3) {
					mu.Lock()
					highest = max(highest, e.InFlight())
					mu.Unlock()
					e.Release()
				}
			}
		})
	}
	wg.Wait()
	if highest > 3 || e.InFlight() != 0 || c.Roster.InFlight() != 0 {
		t.Errorf("up to %d of 3 in flight; %d are left at the endpoint, %d in the pool",
			highest, e.InFlight(), c.Roster.InFlight())
	}
}

func TestStaticEndpointsOutliveAChangeOfTheirList(t *testing.T) {
	before, releaseBefore := AcquireStatic()
	before.Replace(infos("a:1", "b:1"))
	after, releaseAfter := AcquireStatic()
	defer releaseAfter()
	after.Replace(infos("a:1", "c:1"))
	a := before.Snapshot().Members[0].Endpoint
	releaseBefore()
	if after.Snapshot().Members[0].Endpoint != a {
		t.Error("the address has two endpoints")
	}
}

func TestADefinitionThatStandsForSomethingElseRunsAgain(t *testing.T) {
	runs := 0
	acquireResolved := func(config int, value string) *Claim {
		c, err := Acquire(Definition{
			Config: config, Name: t.Name(), Text: "same", Resolved: definition.Resolved{Sum: definition.Of([]byte(value))},
			Run: func(context.Context, *Roster) { runs++ },
		})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	synctest.Test(t, func(t *testing.T) {
		for i, c := range []struct {
			value string
			runs  int
		}{{`"old"`, 1}, {`"old"`, 1}, {`"new"`, 2}, {`"old"`, 2}} {
			defer acquireResolved(i, c.value).Release()
			synctest.Wait()
			if runs != c.runs {
				t.Errorf("config %d: %d runs, want %d", i, runs, c.runs)
			}
		}
		// Within one config the first counts: a file may change while the config is being loaded.
		defer acquireResolved(3, `"newest"`).Release()
		synctest.Wait()
		if runs != 2 {
			t.Error("one config has two rosters of one pool")
		}
		if !IsDefined(3, t.Name(), "same") || IsDefined(3, t.Name(), "other") || IsDefined(4, t.Name(), "same") {
			t.Error("the defined pool is another one")
		}
	})
}
