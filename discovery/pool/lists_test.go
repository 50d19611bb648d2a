package pool

import (
	"strings"
	"testing"

	"github.com/caddy-balance/caddy-balance/discovery"
)

// lettersOf returns the endpoints of a list as letters.
func lettersOf(list []discovery.Endpoint) string {
	var s strings.Builder
	for i := range list {
		s.WriteString(strings.TrimSuffix(list[i].Address, ":1"))
	}
	return s.String()
}

func TestUnionAndDifferenceKeepTheOrderOfAddresses(t *testing.T) {
	for _, c := range []struct{ a, b, union, without string }{
		{"", "", "", ""},
		{"ab", "", "ab", "ab"},
		{"", "ab", "ab", ""},
		{"ace", "bdf", "abcdef", "ace"},
		{"abc", "abc", "abc", ""},
		{"abcd", "bc", "abcd", "ad"},
		{"bc", "abcd", "abcd", ""},
	} {
		a, b := endpoints(addresses(c.a)...), endpoints(addresses(c.b)...)
		if got := lettersOf(union(a, b)); got != c.union {
			t.Errorf("%q and %q are %q", c.a, c.b, got)
		}
		if got := lettersOf(difference(a, b)); got != c.without {
			t.Errorf("%q without %q is %q", c.a, c.b, got)
		}
	}
}

func TestSortingKeepsTheFirstOfDuplicatesAndTheSourcesOwnOrder(t *testing.T) {
	given := []discovery.Endpoint{{Address: "b:1", Weight: 1}, {Address: "a:1", Weight: 2}, {Address: "b:1", Weight: 3}}
	list := sorted(given)
	if lettersOf(list) != "ab" || list[1].Weight != 1 {
		t.Errorf("sorted to %v", list)
	}
	if lettersOf(given) != "bab" {
		t.Errorf("the source's list became %v", given)
	}
	if sorted(endpoints()) == nil {
		t.Error("an empty list is none any more")
	}
}
