package lbpolicy

import (
	"fmt"

	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// checkMatch checks the conditions of a group.
func (g *SplitGroup) checkMatch() error {
	for key, value := range g.Match {
		if err := checkCondition(key, value); err != nil {
			return err
		}
	}
	return nil
}

// checkCondition refuses an empty value. It comes from a variable that is not set, and all
// endpoints without the key would fit.
func checkCondition(key, value string) error {
	const expected = "expected a condition such as version=v2; " +
		"a group without conditions has the endpoints that fit no other"
	if key == "" {
		return fmt.Errorf("'=%s' has no key; %s", value, expected)
	}
	if value == "" {
		return fmt.Errorf("'%s=' has no value; %s", key, expected)
	}
	return nil
}

// matches reports whether an endpoint fits. Without conditions none does.
func (g *SplitGroup) matches(info *listing.Info) bool {
	for key, want := range g.Match {
		if fieldOf(info, key) != want {
			return false
		}
	}
	return len(g.Match) > 0
}

// fieldOf returns the value that a condition is compared with.
func fieldOf(info *listing.Info, key string) string {
	switch key {
	case "id":
		return info.ID
	case "zone":
		return info.Zone
	case "address":
		return info.Address
	}
	return info.Metadata[key]
}
