package lbpolicy

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/internal/attempt"
)

// SplitForce says where a request names the group that it wants. A name that no group has is
// ignored. Any client may use it that can send it, so a site that is not for all groups of clients
// removes the header before.
type SplitForce struct {
	// The header field that has the name of the group. Default: none.
	Header string `json:"header,omitempty"`

	// The cookie that has the name of the group. Default: none.
	Cookie string `json:"cookie,omitempty"`
}

// forceOption reads `force header|cookie <name>`, which may be given once for each of both.
func forceOption(into **SplitForce) caddyfile.Param {
	name := func(kind, expected string, field func(*SplitForce) *string) caddyfile.Param {
		return caddyfile.Checked(kind, expected, func(text string) error {
			if *into == nil {
				*into = new(SplitForce)
			}
			if *field(*into) != "" {
				return errors.New("already given")
			}
			*field(*into) = text
			return nil
		})
	}
	return caddyfile.Again(caddyfile.OneOf("force",
		name("header", "the name of a header field", func(f *SplitForce) *string { return &f.Header }),
		name("cookie", "the name of a cookie", func(f *SplitForce) *string { return &f.Cookie }),
	))
}

// check checks the names.
func (f *SplitForce) check() error {
	if f.Header == "" && f.Cookie == "" {
		return errors.New("force: neither header nor cookie is given; expected the name of one of them")
	}
	if f.Header != "" {
		if err := checkFieldName(f.Header); err != nil {
			return fmt.Errorf("force: header: %w", err)
		}
		f.Header = http.CanonicalHeaderKey(f.Header)
	}
	if f.Cookie != "" {
		if err := checkCookieName(f.Cookie); err != nil {
			return fmt.Errorf("force: cookie: %w", err)
		}
	}
	return nil
}

// forced returns the index of the group that a request names, -1 if it names none.
func (p *Split) forced(r *http.Request) int {
	if p.Force == nil || r == nil {
		return -1
	}
	if p.Force.Header != "" {
		if g := p.groupNamed(inHeader.valueOf(r, p.Force.Header)); g >= 0 {
			return g
		}
	}
	if p.Force.Cookie != "" {
		for cookies := cookiesOf(r); cookies.next(p.Force.Cookie); {
			if g := p.groupNamed(cookies.value); g >= 0 {
				return g
			}
		}
	}
	return -1
}

func (p *Split) groupNamed(name string) int {
	for i := range p.Groups {
		if p.Groups[i].Name == name {
			return i
		}
	}
	return -1
}

// assign returns the group of a request. A retry has the group that its request had at first.
func (p *Split) assign(r *http.Request, attempts *attempt.RequestAttempts) int {
	a := attempts.Assignment()
	if a != nil && a.Made {
		return int(a.Group)
	}
	g, slot, drawn := p.forced(r), 0, false
	if g < 0 {
		slot, drawn = p.slotOf(r)
		g = int(p.rollout.table().group[slot])
	}
	if a != nil {
		a.Made, a.Group, a.Slot, a.Drawn = true, int32(g), uint16(slot), drawn
	}
	return g
}

// slotOf returns the slot of a request: the one that it brings, or the next one in turn.
func (p *Split) slotOf(r *http.Request) (slot int, drawn bool) {
	if p.Sticky != nil {
		if slot, ok := p.Sticky.slot(r); ok {
			return slot, false
		}
	}
	return p.rollout.turn.next(), true
}

// nth returns group number n in the order in which groups are tried for a request: its own, the
// default one, and then the others. It returns false for a group that is not tried at this place.
func (p *Split) nth(n, own int) (g int, ok bool) {
	switch n {
	case 0:
		return own, true
	case 1:
		return p.standard, own != p.standard
	}
	g = n - 2
	return g, g != own && g != p.standard && p.rollout.table().shares[g] > 0
}

// tries is how many numbers nth has.
func (p *Split) tries() int { return len(p.Groups) + 2 }

// noteServed notes the group that a request goes to, and counts it.
func (p *Split) noteServed(attempts *attempt.RequestAttempts, g int, spilled bool) {
	p.rollout.picks[g].all.Add(1)
	if spilled {
		p.rollout.picks[g].spilled.Add(1)
	}
	if a := attempts.Assignment(); a != nil {
		a.Served = p.Groups[g].Name
	}
}
