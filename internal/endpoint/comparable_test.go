package endpoint

import (
	"slices"
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/load"
)

// weightsTogether returns the weights of all members of some pools, made comparable.
func weightsTogether(pools ...*Snapshot) (weights []uint32) {
	var all []Member
	for _, p := range pools {
		all = append(all, p.Members...)
	}
	MakeComparable(all, pools)
	for i := range all {
		weights = append(weights, all[i].Weight)
	}
	return weights
}

func wantWeights(t *testing.T, got []uint32, want ...uint32) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("weights are %v, want %v", got, want)
	}
}

func TestThePoolOfARampingEndpointWeighsNoMoreThanOthers(t *testing.T) {
	ramping := members("a b")
	ramping[1].servingSince.Store(int64(time.Second))
	halfWay := Rules{SlowStart: 10 * time.Second}.snapshot(ramping, load.Instant(6*time.Second))
	halfWay.index(nil)
	other := Rules{}.snapshot(members("c d/w3 e/w0"), 0)
	other.index(nil)
	wantWeights(t, weightsTogether(halfWay, other), 2, 1, 2, 6, 0)
}

func TestAnEndpointOfNoPoolWeighsAsInAPool(t *testing.T) {
	half := 50
	advised := members("a b")
	advised[0].Advise(Advice{Percent: &half})
	s := Rules{Watched: everything}.snapshot(advised, 0)
	s.index(nil)
	all := []Member{s.Members[0], s.Members[1], members("c")[0]}
	all[2].Weight = 1
	MakeComparable(all, []*Snapshot{s})
	wantWeights(t, []uint32{all[0].Weight, all[1].Weight, all[2].Weight}, 1, 2, 2)
}

func TestAZoneWeighsAsMuchAsItsWholeTier(t *testing.T) {
	zoned := Rules{Zone: "x"}.snapshot(members("a/zx b/zy c/zy d/zy e/zy/p1"), 0)
	zoned.index(nil)
	plain := Rules{}.snapshot(members("f g/zx"), 0)
	plain.index(nil)
	// Requests go either to the one endpoint in x or to the three in y, in place of four.
	wantWeights(t, weightsTogether(zoned, plain), 400, 133, 133, 133, 100, 100, 100)
}

func TestWeightsOfOnePoolKeepTheirProportions(t *testing.T) {
	one := Rules{}.snapshot(members("a/w4 b/w6 c/w0"), 0)
	one.index(nil)
	wantWeights(t, weightsTogether(one), 2, 3, 0)
}

func TestAChangeOfTheUnitIsAChangeOfTheShares(t *testing.T) {
	small, whole := 1, 100
	all := members("a/w50")
	all[0].Advise(Advice{Percent: &small})
	inHundredths := Rules{Watched: everything}.snapshot(slices.Clone(all), 0)
	all[0].Advise(Advice{Percent: &whole})
	inWholes := Rules{Watched: everything}.snapshot(slices.Clone(all), 0)
	if inHundredths.Members[0].Weight != 50 || inWholes.Members[0].Weight != 50 {
		t.Fatalf("weights %d and %d", inHundredths.Members[0].Weight, inWholes.Members[0].Weight)
	}
	if inWholes.sameShares(inHundredths) {
		t.Error("half an endpoint has the share of fifty")
	}
}
