package lbpolicy

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// SplitGroup is a group of endpoints with its share of the requests.
type SplitGroup struct {
	// The name of the group, for `force`, metrics and operators: 1 to 64 letters, digits, dots,
	// hyphens and underscores, of which the first is a letter or a digit. Required.
	Name string `json:"name"`

	// What an endpoint must have to be in the group: keys of its metadata with their values, or
	// `id`, `zone` or `address`. No value may be empty. An endpoint is in the first group that
	// fits. One group may be without conditions; it has the endpoints that are in no other group.
	// Endpoints of no group get no requests. Default: the endpoints of no other group.
	Match map[string]string `json:"match,omitempty"`

	// The share of the requests, from 0 to 100 percent, in hundredths of a percent. Exactly one
	// group must be without a share. It is the default group: it gets what the others leave, and
	// the requests of groups without a usable endpoint.
	Share *float64 `json:"share,omitempty"`

	// The shares that the group has one after the other, instead of `share`. It goes on to the next
	// one by itself when the time of a step is over, as long as it has a usable endpoint and the
	// guard, if there is one, has compared enough answers of the step and is content. They need a
	// pool. Default: none.
	Steps []SplitStep `json:"steps,omitempty"`

	// The policy that picks within the group. One of Caddy's policies makes a pool list its
	// endpoints for these requests, which costs more in large pools. Default: `adaptive_latency`.
	GuestRaw json.RawMessage `json:"guest,omitempty" caddy:"namespace=http.reverse_proxy.selection_policies inline_key=policy"`

	guest caddySelector
}

// maxGroups is the maximum number of groups of a split.
const maxGroups = 16

// groupArguments are the parameters of a group in a Caddyfile.
func groupArguments(g *SplitGroup) []caddyfile.Param {
	return []caddyfile.Param{
		caddyfile.Checked("name", "the name of a group, such as canary", func(name string) error {
			g.Name = name
			return checkGroupName(name)
		}),
		caddyfile.Optional(caddyfile.Rest(caddyfile.Checked("condition or share", groupFormat, g.setArgument))),
		caddyfile.Block(
			caddyfile.Module("policy", "http.reverse_proxy.selection_policies", "policy", &g.GuestRaw),
			stepsOption(&g.Steps),
		),
	}
}

const groupFormat = "a condition such as version=v2 or address=10.0.0.1:80, or a share such as 10%"

// setArgument reads a condition or the share.
func (g *SplitGroup) setArgument(text string) error {
	key, value, isCondition := strings.Cut(text, "=")
	if isCondition {
		if err := checkCondition(key, value); err != nil {
			return err
		}
		if _, twice := g.Match[key]; twice {
			return fmt.Errorf("'%s' is given twice", key)
		}
		if g.Match == nil {
			g.Match = make(map[string]string)
		}
		g.Match[key] = value
		return nil
	}
	if g.Share != nil {
		return fmt.Errorf("'%s' follows the share; expected one share", text)
	}
	share, isShare := parsePercent(text)
	if !isShare {
		return fmt.Errorf("'%s' is not %s", text, groupFormat)
	}
	if err := endpoint.CheckShare(share); err != nil {
		return err
	}
	g.Share = &share
	return nil
}

// groupOf returns the index of the group of an endpoint, -1 if it is in none.
func (p *Split) groupOf(info *listing.Info) int { return groupOf(p.Groups, info) }

func groupOf(groups []SplitGroup, info *listing.Info) int {
	rest := -1
	for i := range groups {
		g := &groups[i]
		if g.matches(info) {
			return i
		}
		if len(g.Match) == 0 {
			rest = i
		}
	}
	return rest
}

// checkGroups checks the groups, and finds the default one.
func (p *Split) checkGroups() error {
	if len(p.Groups) == 0 {
		return errors.New("groups: there are none; expected one group or more")
	}
	if len(p.Groups) > maxGroups {
		return fmt.Errorf("groups: there are %d; expected at most %d", len(p.Groups), maxGroups)
	}
	p.standard = -1
	names, rest := make(map[string]bool), ""
	for i := range p.Groups {
		g := &p.Groups[i]
		if err := checkGroupName(g.Name); err != nil {
			return fmt.Errorf("groups: name of group %d: %w", i+1, err)
		}
		if err := g.checkMatch(); err != nil {
			return fmt.Errorf("group %s: match: %w", g.Name, err)
		}
		switch {
		case names[g.Name]:
			return fmt.Errorf("groups: there are two with the name %q", g.Name)
		case len(g.Match) == 0 && rest != "":
			return fmt.Errorf("group %s: it has no conditions, as group %s; expected one such group at most",
				g.Name, rest)
		case !g.hasShare() && p.standard >= 0:
			return fmt.Errorf("group %s: it has no share, as group %s; "+
				"expected one such group, which gets what the others leave", g.Name, p.Groups[p.standard].Name)
		}
		names[g.Name] = true
		if len(g.Match) == 0 {
			rest = g.Name
		}
		if err := g.checkSteps(); err != nil {
			return fmt.Errorf("group %s: %w", g.Name, err)
		}
		if !g.hasShare() {
			p.standard = i
		} else if g.Share == nil {
			continue
		} else if err := endpoint.CheckShare(*g.Share); err != nil {
			return fmt.Errorf("group %s: share: %w", g.Name, err)
		}
	}
	if p.standard < 0 {
		return errors.New("groups: all have a share; expected one group without, which gets what the others leave")
	}
	if sum := sumOfShares(p.configured()); sum > wholeShare {
		return fmt.Errorf("groups: their shares are %v %% together; expected at most 100 %%", percentOf(sum))
	}
	return nil
}

// configured returns the shares of the config in slots, 0 for the default group.
func (p *Split) configured() []int {
	shares := make([]int, len(p.Groups))
	for i := range p.Groups {
		if i != p.standard {
			shares[i] = shareSlots(p.Groups[i].configured(endpoint.GroupState{}))
		}
	}
	return shares
}

// parsePercent reads a percentage such as 10%.
func parsePercent(text string) (percent float64, ok bool) {
	number, ok := strings.CutSuffix(text, "%")
	percent, err := strconv.ParseFloat(number, 64)
	return percent, ok && err == nil && !math.IsNaN(percent)
}

// provisionGuest loads the policy of a group.
func (g *SplitGroup) provisionGuest(ctx caddy.Context) error {
	var module any
	var err error
	if g.GuestRaw == nil {
		module, err = ctx.LoadModuleByID("http.reverse_proxy.selection_policies.adaptive_latency", nil)
	} else {
		module, err = ctx.LoadModule(g, "GuestRaw")
	}
	if err != nil {
		return fmt.Errorf("group %s: policy: %w", g.Name, err)
	}
	g.guest = module.(caddySelector)
	return nil
}

// picks reports whether the group's policy picks from a pool. Otherwise it needs a list.
func (g *SplitGroup) picks() bool {
	_, picks := g.guest.(endpoint.Policy)
	return picks
}
