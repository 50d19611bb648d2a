package endpoint

import (
	"context"
	"testing"

	"go.uber.org/zap"

	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// subsetPool returns a pool, and a subset of its members with an id.
func subsetPool(t *testing.T, rules Rules) (whole, part *Roster) {
	t.Helper()
	claim, err := Acquire(Definition{
		Name: t.Name(), Rules: rules, Owner: Owner{Logger: zap.NewNop()},
		Run: func(ctx context.Context, _ *Roster) { <-ctx.Done() },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(claim.Release)
	part, stop := claim.Roster.Subset(func(info *listing.Info) bool { return info.ID != "" })
	t.Cleanup(stop)
	return claim.Roster, part
}

func TestASubsetFollowsTheList(t *testing.T) {
	whole, part := subsetPool(t, Rules{Watched: ProbeFailed})
	lists := 0
	defer part.Subscribe(func(*Snapshot) { lists++ })()
	whole.Replace([]listing.Info{{Address: "a:1", Weight: 1, ID: "a"}, {Address: "b:1", Weight: 1}})
	s := part.Snapshot()
	if len(s.Members) != 1 || s.Find("a:1") == nil || s.Find("b:1") != nil || lists != 2 {
		t.Fatalf("the subset has %d members after %d lists", len(s.Members), lists)
	}
	if s.Members[0].Endpoint != whole.Snapshot().Find("a:1").Endpoint {
		t.Error("it has endpoints of its own")
	}
	s.Members[0].Reserve(0)
	if part.InFlight() != 1 {
		t.Errorf("%d requests in flight, want 1", part.InFlight())
	}
	s.Members[0].Release()
}

// A pool with one bad version does not fail open for the sake of that version.
func TestASubsetHasNoUsableMemberWhileOthersOfThePoolAre(t *testing.T) {
	whole, part := subsetPool(t, Rules{Watched: ProbeFailed})
	whole.Replace([]listing.Info{{Address: "a:1", Weight: 1, ID: "a"}, {Address: "b:1", Weight: 1}})
	usable := func() bool {
		s := part.Snapshot()
		ok, _ := s.Usable(s.Find("a:1"), nil)
		return ok
	}
	whole.Snapshot().Find("a:1").Replace(0, ProbeFailed)
	part.CatchUp(part.Snapshot())
	if usable() {
		t.Error("its only member is usable though it fails")
	}
	whole.Snapshot().Find("b:1").Replace(0, ProbeFailed)
	part.CatchUp(part.Snapshot())
	if !usable() {
		t.Error("the pool fails open, and the member is not usable")
	}
}

func TestASubsetSharesAmongItsOwnTiersAndZones(t *testing.T) {
	whole, part := subsetPool(t, Rules{Zone: "own"})
	whole.Replace([]listing.Info{
		{Address: "a:1", Weight: 1, Zone: "own"}, {Address: "b:1", Weight: 1, Zone: "other"},
		{Address: "c:1", Weight: 1, Zone: "own", ID: "c", Priority: 1},
		{Address: "d:1", Weight: 1, Zone: "other", ID: "d", Priority: 1},
	})
	var total float64
	for _, b := range part.Snapshot().Bands {
		total += b.Share
		for i := range b.Members {
			if b.Members[i].Info.ID == "" || b.Members[i].Weight == 0 {
				t.Errorf("%s has the weight %d", b.Members[i].Address(), b.Members[i].Weight)
			}
		}
	}
	if total < .999 || total > 1.001 {
		t.Errorf("the shares of its bands are %v together", total)
	}
}
