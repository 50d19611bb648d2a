package endpoint

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/listing"
)

func number(n int) *int { return &n }

func TestWhatAnOperatorDecidesComesFirst(t *testing.T) {
	for _, c := range []struct {
		about    string
		members  string // the override is that of a
		override Override
		serving  string
		state    string
	}{
		{"drain", "a b", Override{State: OverrideDrain}, "b", "draining"},
		{"drain the only one", "a", Override{State: OverrideDrain}, "a", "draining"},
		{"maintenance", "a b", Override{State: OverrideMaintenance}, "b", "maintenance"},
		{"maintenance of the only one", "a", Override{State: OverrideMaintenance}, "", "maintenance"},
		{"down", "a b", Override{State: OverrideDown}, "b", "down"},
		{"down, and the others fail too", "a b/f", Override{State: OverrideDown}, "a b", "down"},
		{"ready, though its source drains it", "a/d b", Override{State: OverrideReady}, "a b", "healthy"},
		{"ready, though its weight is 0", "a/w0 b", Override{State: OverrideReady}, "a b", "healthy"},
		{"ready, but its checks fail", "a/f b", Override{State: OverrideReady}, "b", "unhealthy"},
		{"a weight", "a b", Override{Weight: number(3)}, "a b", "healthy"},
		{"a weight instead of 0", "a/w0 b", Override{Weight: number(3)}, "a b", "healthy"},
		{"a weight of one that its source drains", "a/d b", Override{Weight: number(3)}, "b", "draining"},
		{"the weight 0", "a b", Override{Weight: number(0)}, "b", "draining"},
		{"ready and the weight 0", "a b", Override{State: OverrideReady, Weight: number(0)}, "b", "draining"},
	} {
		all := members(c.members)
		for i := range all {
			if all[i].Is(ProbeFailed) {
				all[i].SetVerdict(&Verdict{})
			}
		}
		rules := Rules{Watched: everything | operator}
		all[0].setOverride(&c.override)
		s := rules.snapshot(all, 0)
		if got := serving(s); got != c.serving {
			t.Errorf("%s: %q serve, want %q", c.about, got, c.serving)
		}
		if got := rules.state(&s.Members[0]).String(); got != c.state {
			t.Errorf("%s: the state is %q, want %q", c.about, got, c.state)
		}
		if w := c.override.Weight; w != nil && *w > 0 && s.Members[0].Weight > 0 && s.Members[0].Weight != uint32(*w) {
			t.Errorf("%s: the weight is %d", c.about, s.Members[0].Weight)
		}
		if strings.Contains(serving(s), "a") && all[0].Is(s.Blocking) {
			t.Errorf("%s: picks find it blocked", c.about)
		}
	}
}

func TestAnEndpointThatIsReadyByOverrideMayAskForADrainInVain(t *testing.T) {
	drain := AdvisedDrain
	e := members("a")[0].Endpoint
	e.Advise(Advice{Mode: &drain})
	e.setOverride(&Override{State: OverrideReady})
	if e.Is(DrainRequested) {
		t.Error("it drains in spite of the override")
	}
	e.setOverride(nil)
	if !e.Is(DrainRequested) {
		t.Error("what it asked for does not hold after the override")
	}
}

// override makes an override hold whatever was before.
func override(r *Roster, m *Member, o Override, force bool) error {
	_, err := r.SetOverride(m, force, func(*Override) (Override, error) { return o, nil })
	return err
}

// withRoster calls test with a roster that has a list of these addresses.
func withRoster(t *testing.T, test func(r *Roster), addresses ...string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		claim, err := Acquire(Definition{Config: 1, Name: t.Name(), Text: "a", Run: runIdle})
		if err != nil {
			t.Fatal(err)
		}
		defer claim.Release()
		claim.Roster.Replace(infosOf(addresses...))
		test(claim.Roster)
	})
}

func runIdle(ctx context.Context, _ *Roster) { <-ctx.Done() }

func infosOf(addresses ...string) []listing.Info {
	infos := []listing.Info{}
	for _, address := range addresses {
		infos = append(infos, listing.Info{Address: address, Weight: 1})
	}
	return infos
}

func TestTheLastUsableEndpointIsTakenAwayOnlyByForce(t *testing.T) {
	withRoster(t, func(r *Roster) {
		override := func(address string, o Override, force bool) error {
			return override(r, r.Snapshot().Find(address), o, force)
		}
		if err := override("a:1", Override{State: OverrideDrain}, false); err != nil {
			t.Error(err)
		}
		for _, o := range []Override{
			{State: OverrideDrain}, {State: OverrideDown}, {State: OverrideMaintenance}, {Weight: number(0)},
		} {
			if err := override("b:1", o, false); !errors.Is(err, ErrLastUsable) {
				t.Errorf("%+v: %v", o, err)
			}
		}
		for _, harmless := range []Override{{State: OverrideReady}, {Weight: number(5)}} {
			if err := override("b:1", harmless, false); err != nil {
				t.Errorf("%+v: %v", harmless, err)
			}
		}
		if err := override("b:1", Override{State: OverrideDrain}, true); err != nil {
			t.Error(err)
		}
	}, "a:1", "b:1")
}

func TestAnOverrideEnds(t *testing.T) {
	withRoster(t, func(r *Roster) {
		a := func() *Member { return r.Snapshot().Find("a:1") }
		until := time.Now().Add(time.Minute)
		if err := override(r, a(), Override{State: OverrideDrain, Until: until}, false); err != nil {
			t.Fatal(err)
		}
		if next := r.ExpireOverrides(time.Now()); next != until || a().Weight != 0 {
			t.Errorf("it ends at %s, want %s", next, until)
		}
		if next := r.ExpireOverrides(until); !next.IsZero() || a().Override() != nil || a().Weight != 1 {
			t.Errorf("after its time: %+v, next %s", a().Override(), next)
		}
		if err := override(r, a(), Override{State: OverrideDrain}, false); err != nil {
			t.Fatal(err)
		}
		r.Replace(infosOf("b:1"))
		r.Replace(infosOf("a:1", "b:1"))
		if a().Override() == nil || a().Weight != 0 {
			t.Error("it is forgotten while the endpoint is away")
		}
		another := infosOf("a:1", "b:1")
		another[0].ID = "another process"
		r.Replace(another)
		if a().Override() != nil || a().Weight != 1 || len(r.Control().Overrides) != 0 {
			t.Error("another process at the address inherits it")
		}
	}, "a:1", "b:1")
}

func TestAnEndpointIsListedSinceItCameBack(t *testing.T) {
	withRoster(t, func(r *Roster) {
		start := time.Now()
		time.Sleep(time.Minute)
		r.Replace(infosOf("a:1", "b:1"))
		if got := r.Snapshot().Find("a:1").ListedSince(); !got.Equal(start) {
			t.Errorf("one that stayed is listed since %s, want %s", got, start)
		}
		r.Replace(infosOf("b:1"))
		time.Sleep(time.Minute)
		r.Replace(infosOf("a:1", "b:1"))
		if got := r.Snapshot().Find("a:1").ListedSince(); !got.Equal(time.Now()) {
			t.Errorf("one that came back is listed since %s, want now", got)
		}
	}, "a:1")
}

func TestOverridesAreBounded(t *testing.T) {
	withRoster(t, func(r *Roster) {
		for i := range maxOverrides {
			if err := r.pool.storeOverride(fmt.Sprint(i), new(Override)); err != nil {
				t.Fatal(err)
			}
		}
		m := r.Snapshot().Find("a:1")
		if err := override(r, m, Override{State: OverrideDrain}, true); !errors.Is(err, ErrTooManyOverrides) {
			t.Error(err)
		}
		if m.Override() != nil {
			t.Error("it holds though it was refused")
		}
	}, "a:1")
}
