package lbpolicy

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/load"
)

// explainer is implemented by pickers that say how they rank members. Others pick by turns or by
// chance, and only their weights say how often.
type explainer interface {
	// explain sets the rank of each usable member from 1, and what it follows from. order is
	// parallel to the members. It reserves nothing.
	explain(c candidates, e *endpoint.Explanation, order []endpoint.ExplainedEndpoint)
}

// Explain implements endpoint.Explainer.
func (p *rosterPicker) Explain(r *http.Request) endpoint.Explanation {
	e := endpoint.Explanation{
		Policy: p.selector.name(), Bands: []endpoint.ExplainedBand{}, Endpoints: []endpoint.ExplainedEndpoint{},
	}
	if p.selector.fallback != nil && p.selector.usesFallback(r) {
		e.Reason = "the fallback policy picks, because the key of the request is empty"
	}
	from := p.current.Load()
	if s := p.roster.Snapshot(); from.snapshot != s {
		from = &preparedSnapshot{s, p.selector.prepareForNow(s.Bands...)} // its tables are being built
	}
	c := candidates{
		request: r, roster: p.roster, admit: p.admit, now: load.Now(),
		attempts: p.selector.transport.Attempts(r),
		blocking: from.snapshot.Blocking, halfOpen: from.snapshot.HalfOpen,
	}
	byAddress := make(map[string]endpoint.ExplainedEndpoint)
	for i := range from.bands {
		p.explainBand(&e, i, &from.bands[i], c, byAddress)
	}
	for i := range from.snapshot.Members {
		m := &from.snapshot.Members[i]
		explained, inBand := byAddress[m.Address()]
		if !inBand {
			explained = endpoint.ExplainedEndpoint{Address: m.Address(), ID: m.Info.ID, Band: -1}
		}
		explained.Status = p.roster.Status(from.snapshot, m)
		explained.Usable = inBand && explained.Rank >= 0
		if explained.Reason == "" && !explained.Usable {
			explained.Reason = "Caddy's passive checks or a limit of requests keep it from getting more"
		}
		explained.Rank = max(explained.Rank, 0)
		e.Endpoints = append(e.Endpoints, explained)
	}
	p.conclude(&e, p.drawnFor(from, r))
	return e
}

// unusable is the rank of a member that cannot be picked.
const unusable = -1

// explainBand adds a band and what the algorithm says of its members.
func (p *rosterPicker) explainBand(
	e *endpoint.Explanation, position int, b *band, c candidates, byAddress map[string]endpoint.ExplainedEndpoint,
) {
	if len(b.Members) == 0 {
		return
	}
	c.members, c.share = b.Members, b.Share
	order := make([]endpoint.ExplainedEndpoint, len(b.Members))
	weight := uint64(0)
	for i := range order {
		m := &b.Members[i]
		order[i] = endpoint.ExplainedEndpoint{Address: m.Address(), ID: m.Info.ID, Band: position}
		if !c.usable(i) {
			order[i].Rank = unusable
			continue
		}
		weight += uint64(m.Weight)
	}
	if x, ok := b.picker.(explainer); ok {
		x.explain(c, e, order)
	}
	for i := range order {
		m := &b.Members[i]
		if order[i].Rank != unusable {
			order[i].AddPart("weight", float64(m.Weight))
			order[i].AddPart("in_flight", float64(m.InFlight()))
			order[i].AddPart("share", float64(m.Weight)/float64(max(weight, 1))*b.Share)
		}
		byAddress[m.Address()] = order[i]
	}
	e.Bands = append(e.Bands, endpoint.ExplainedBand{
		Priority: b.Members[0].Info.Priority, Zone: zoneOf(b.Members), Share: b.Share, Endpoints: len(b.Members),
	})
}

// zoneOf returns the zone that all members are in, or nothing.
func zoneOf(members []endpoint.Member) string {
	zone := members[0].Info.Zone
	for i := range members {
		if members[i].Info.Zone != zone {
			return ""
		}
	}
	return zone
}

// drawnFor returns the band that the request would most probably be served by.
func (p *rosterPicker) drawnFor(from *preparedSnapshot, r *http.Request) int {
	if placer, ok := p.selector.algorithm.(placer); ok {
		if _, related := placer.place(r); related {
			return p.selector.drawBand(from.snapshot, r)
		}
	}
	best := 0
	for i := range from.bands {
		if from.bands[i].Share > from.bands[best].Share {
			best = i
		}
	}
	return best
}

// conclude sorts the endpoints and names the one that would be picked.
func (p *rosterPicker) conclude(e *endpoint.Explanation, drawn int) {
	place := func(x endpoint.ExplainedEndpoint) int {
		switch {
		case !x.Usable:
			return 2
		case x.Band == drawn:
			return 0
		}
		return 1
	}
	slices.SortStableFunc(e.Endpoints, func(a, b endpoint.ExplainedEndpoint) int {
		return cmp.Or(cmp.Compare(place(a), place(b)), cmp.Compare(a.Band, b.Band), cmp.Compare(a.Rank, b.Rank))
	})
	if len(e.Endpoints) == 0 || !e.Endpoints[0].Usable {
		e.Reason = "no endpoint is usable"
		return
	}
	first := e.Endpoints[0]
	switch {
	case e.Reason != "": // the policy has said
	case first.Rank == 0:
		e.Reason = "the policy picks in turn or by chance, as often as the shares say"
	default:
		e.Picked = first.Address
		e.Reason = "it is the first of its band that is usable"
		if first.Cost != nil {
			e.Reason = "its cost is the least of its band"
		}
	}
}

// name returns the name of the policy.
func (s *selector) name() string {
	if module, ok := s.algorithm.(caddy.Module); ok {
		id := string(module.CaddyModule().ID)
		return id[strings.LastIndexByte(id, '.')+1:]
	}
	return "unknown"
}
