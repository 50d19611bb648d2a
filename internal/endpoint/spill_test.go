package endpoint

import (
	"slices"
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// spillsOf returns where the bands of a list spill from, for a proxy in zone a. Endpoints whose
// address begins with "down" are unhealthy.
func spillsOf(infos ...listing.Info) (spills []PickReason) {
	r := newRoster("web", newPool(), Rules{Watched: ProbeFailed, Zone: "a", FailOpen: -1})
	for i := range infos {
		infos[i].Weight = 1
	}
	r.Replace(infos)
	for i := range infos {
		if infos[i].Address[0] == 'd' {
			r.Snapshot().Members[i].Set(ProbeFailed, true)
		}
	}
	r.recomputeNow()
	for _, b := range r.Snapshot().Bands {
		spills = append(spills, b.Spill)
	}
	return spills
}

func TestABandSaysWhyRequestsGoThere(t *testing.T) {
	for name, c := range map[string]struct {
		infos []listing.Info
		want  []PickReason
	}{
		"one zone": {[]listing.Info{{Address: "1:1", Zone: "a"}}, []PickReason{FirstChoice}},
		"the own zone is too small": {
			[]listing.Info{{Address: "1:1", Zone: "a"}, {Address: "2:1", Zone: "b"}, {Address: "3:1", Zone: "b"}},
			[]PickReason{FirstChoice, ZoneSpill},
		},
		"the own zone is down": {
			[]listing.Info{{Address: "down:1", Zone: "a"}, {Address: "2:1", Zone: "b"}},
			[]PickReason{ZoneSpill},
		},
		"the own zone has no endpoint": {
			[]listing.Info{{Address: "1:1", Zone: "b"}, {Address: "2:1", Zone: "c"}},
			[]PickReason{FirstChoice},
		},
		"the first priority cannot carry everything": {
			[]listing.Info{{Address: "1:1"}, {Address: "down:1"}, {Address: "3:1", Priority: 1}},
			[]PickReason{FirstChoice, TierSpill},
		},
		"the first priority is down": {
			[]listing.Info{{Address: "down:1"}, {Address: "3:1", Priority: 1}},
			[]PickReason{TierSpill},
		},
	} {
		if got := spillsOf(c.infos...); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
