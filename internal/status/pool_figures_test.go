package status

import (
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/endpointtest"
	"github.com/caddy-balance/caddy-balance/internal/limit"
	"github.com/caddy-balance/caddy-balance/internal/listing"
	"github.com/caddy-balance/caddy-balance/internal/load"
)

// oneGroup is a policy with a group of the endpoint a.
type oneGroup struct{ share float64 }

func (g *oneGroup) Groups(*endpoint.Roster) []endpoint.Group {
	return []endpoint.Group{{Name: "canary", Share: g.share}}
}

func (*oneGroup) GroupOf(info *listing.Info) string {
	if info.Address == "a:1" {
		return "canary"
	}
	return ""
}

// fullTable is a table of sessions.
type fullTable struct{ pool string }

func (t fullTable) SessionPool() string                     { return t.pool }
func (fullTable) SessionsAt(string, time.Time) int          { return 3 }
func (fullTable) AddSessions(m map[string]int, _ time.Time) { m["a:1"] += 3 }
func (t fullTable) SessionCounts(time.Time) endpoint.SessionCounts {
	return endpoint.SessionCounts{Pool: t.pool, Carrier: "client_ip", Sessions: 3, Limit: 9}
}

func TestTheEventOfAPoolHasOnlyWhatHasChanged(t *testing.T) {
	endpointtest.Run(t, func(p *endpointtest.Pool) {
		roster := p.Claim.Roster
		p.SetEndpoints("a", "b")
		var f figures
		want := func(when string, parts map[string]string) {
			t.Helper()
			event, changed := f.poolEvent(roster, load.Now())
			if len(event) != len(parts) || changed != (len(parts) > 0) {
				t.Errorf("%s: got %s", when, event)
			}
			for name, part := range parts {
				if string(event[name]) != part {
					t.Errorf("%s: %s is %s, want %s", when, name, event[name], part)
				}
			}
		}
		want("a pool that has none of it", nil)
		group := &oneGroup{10}
		remove := roster.AddSplitter(group)
		const canary = `[{"name":"canary","share":10,"endpoints":0,"usable":0,"picks":0,"spilled":0}]`
		want("a policy with groups", map[string]string{"groups": canary, "ungrouped": "1"})
		want("nothing new", nil)
		p.Endpoint("a").CountHedge(endpoint.HedgeWon)
		want("a hedge", map[string]string{"hedges": `{"won":1,"lost":0,"refused":0}`})
		roster.Limits().Apply(limit.Settings{Retries: limit.BudgetSettings{On: true, PerSecond: 1}})
		event, _ := f.poolEvent(roster, load.Now())
		if len(event) != 1 || event["limits"] == nil {
			t.Errorf("limits: got %s", event)
		}
		_, release := endpoint.Keep(t.Name(), func() fullTable { return fullTable{roster.Name()} })
		want("sessions", map[string]string{"sessions": `[{"carrier":"client_ip","sessions":3,"limit":9,"evicted":0}]`})
		release()
		remove()
		want("they have gone", map[string]string{"sessions": "null", "groups": "null", "ungrouped": "null"})
	})
}

func TestTheStatusOfAnEndpointHasItsGroupAndItsSessions(t *testing.T) {
	endpointtest.Run(t, func(p *endpointtest.Pool) {
		roster := p.Claim.Roster
		p.SetEndpoints("a", "b")
		if a := newReader(roster).all()[0]; a.Sessions != nil || a.Groups != nil || a.Ungrouped {
			t.Errorf("without a table and groups: %+v", a)
		}
		defer roster.AddSplitter(&oneGroup{10})()
		_, release := endpoint.Keep(t.Name(), func() fullTable { return fullTable{roster.Name()} })
		defer release()
		members := newReader(roster).all()
		if a := members[0]; *a.Sessions != 3 || len(a.Groups) != 1 || a.Ungrouped {
			t.Errorf("of a: %+v", a)
		}
		if b := members[1]; *b.Sessions != 0 || len(b.Groups) != 0 || !b.Ungrouped {
			t.Errorf("of b: %+v", b)
		}
		if a := newReader(roster).status(roster.Snapshot().Find("a:1")); *a.Sessions != 3 {
			t.Errorf("of a alone: %d sessions", *a.Sessions)
		}
		if s := newPoolStatus(roster); s.Ungrouped != 1 {
			t.Errorf("%d endpoints are in no group, want 1", s.Ungrouped)
		}
	})
}
