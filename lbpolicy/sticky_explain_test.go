package lbpolicy

import (
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

func TestAnExplanationSaysWhoseSessionARequestHas(t *testing.T) {
	h := newHostWith(t, `{"policy":"sticky","path":{"name":"route"},"guest":{"policy":"weighted_first"}}`, "")
	roster := checkedPool(t)
	var infos []listing.Info
	list := func(change func(infos []listing.Info)) {
		infos = weighted(t, 1, 1, 1)
		for i := range infos {
			infos[i].ID = string(rune('a' + i))
		}
		change(infos)
		roster.Replace(infos)
	}
	limit := func(m *endpoint.Member) (bool, int) { return true, int(m.MaxRequests) }
	p := h.policy.NewPicker(roster, limit)
	defer p.Stop()
	as := func(infos []listing.Info) {}
	full := func(infos []listing.Info) { infos[1].MaxRequests = 1 }
	draining := func(infos []listing.Info) { infos[1].Draining = true }
	for _, c := range []struct {
		uri    string
		list   func([]listing.Info)
		busy   bool
		picked int
		reason string
	}{
		{"/", as, false, 0, "newcomer: weighted_first says that it is the first of its band"},
		{"/;route=b", as, false, 1, "session of endpoint b"},
		{"/;route=b", draining, false, 1, "session of endpoint b, which gets no new ones"},
		{"/;route=b", full, true, 0, "session of endpoint b, which is full or gets no request now, and keeps the session; guest: weighted_first"},
		{"/;route=x", as, false, 0, "newcomer, because the endpoint of its session is not in the pool"},
	} {
		list(c.list)
		var end func()
		if c.busy {
			var r *http.Request
			r, end = request(t, "/;route=b")
			p.Pick(r)
		}
		e := explained(t, p, c.uri)
		if e.Policy != "sticky" || e.Picked != infos[c.picked].Address || !strings.HasPrefix(e.Reason, c.reason) ||
			e.Endpoints[0].Address != e.Picked || len(e.Endpoints) != 3 {
			t.Errorf("%s: %s picks %s because %q, want %q; the first of %d is %s", c.uri, e.Policy, e.Picked, e.Reason,
				c.reason, len(e.Endpoints), e.Endpoints[0].Address)
		}
		r, endPick := request(t, c.uri)
		if got, _ := p.Pick(r); got == nil || got.Address() != e.Picked {
			t.Errorf("%s: it says %s and picks %v", c.uri, e.Picked, got)
		}
		endPick()
		if end != nil {
			end()
		}
		waitFor(t, func() bool { return roster.InFlight() == 0 })
	}
	list(as)
	roster.Snapshot().Members[1].Set(endpoint.ProbeFailed, true)
	waitFor(t, func() bool { return roster.Snapshot().Members[1].Weight == 0 })
	if e := explained(t, p, "/;route=b"); !strings.HasPrefix(e.Reason, "session of endpoint b, which has lost it: ") {
		t.Errorf("it says %q", e.Reason)
	}
}

func TestASplitThatIsTheGuestOfSessionsExplainsNewcomersOnly(t *testing.T) {
	h := newHostWith(t, `{"policy":"sticky","path":{"name":"route"},"guest":{"policy":"split","groups":[
		{"name":"stable"},{"name":"canary","match":{"id":"b"},"share":10}
	]}}`, "")
	roster := checkedPool(t)
	infos := weighted(t, 1, 1)
	infos[0].ID, infos[1].ID = "a", "b"
	roster.Replace(infos)
	p := h.policy.NewPicker(roster, nil)
	defer p.Stop()
	if e := explained(t, p, "/"); e.Group != "stable" {
		t.Errorf("a newcomer is in group %q, want stable", e.Group)
	}
	if e := explained(t, p, "/;route=b"); e.Group != "" || e.Picked != infos[1].Address {
		t.Errorf("a session of b is served by %s in group %q, though no group was asked for", e.Picked, e.Group)
	}
}

func TestAnExplanationOfASplitKnowsTheSessionsOfAGroup(t *testing.T) {
	h := newHostWith(t, `{"policy":"split","force":{"header":"Group"},"groups":[
		{"name":"stable"},
		{"name":"canary","match":{"id":"b"},"share":10,"guest":{"policy":"sticky","path":{"name":"route"}}}
	]}`, "")
	roster := checkedPool(t)
	infos := weighted(t, 1, 1)
	infos[0].ID, infos[1].ID, infos[1].Draining = "a", "b", true
	roster.Replace(infos)
	p := h.policy.NewPicker(roster, nil)
	defer p.Stop()
	for uri, want := range map[string]string{"/;route=b": infos[1].Address, "/": infos[0].Address} {
		r, end := request(t, uri)
		r.Header.Set("Group", "canary")
		e := p.(endpoint.Explainer).Explain(r)
		got, _ := p.Pick(r)
		if got == nil || got.Address() != want || e.Picked != want || (e.Group == "canary") != (uri != "/") {
			t.Errorf("%s: it says %s of group %s, and picks %v; want %s", uri, e.Picked, e.Group, got, want)
		}
		end()
	}
}
