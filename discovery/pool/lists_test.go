package pool

import (
	"strings"
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// hosts are the addresses of a list, by letter.
func hosts(list []listing.Info) string {
	var s strings.Builder
	for i := range list {
		s.WriteString(strings.TrimSuffix(list[i].Address, ":1"))
	}
	return s.String()
}

func TestListsAreUnitedAndTakenFromEachOtherInOrder(t *testing.T) {
	for _, c := range []struct{ a, b, union, without string }{
		{"", "", "", ""},
		{"ab", "", "ab", "ab"},
		{"", "ab", "ab", ""},
		{"ace", "bdf", "abcdef", "ace"},
		{"abc", "abc", "abc", ""},
		{"abcd", "bc", "abcd", "ad"},
		{"bc", "abcd", "abcd", ""},
	} {
		a, b := infos(letters(c.a)...), infos(letters(c.b)...)
		if got := hosts(union(a, b)); got != c.union {
			t.Errorf("%q and %q are %q", c.a, c.b, got)
		}
		if got := hosts(without(a, b)); got != c.without {
			t.Errorf("%q without %q is %q", c.a, c.b, got)
		}
	}
}

func TestSortingKeepsTheFirstOfDuplicatesAndTheSourcesOwnOrder(t *testing.T) {
	given := []listing.Info{{Address: "b:1", Weight: 1}, {Address: "a:1", Weight: 2}, {Address: "b:1", Weight: 3}}
	list := sorted(given)
	if hosts(list) != "ab" || list[1].Weight != 1 {
		t.Errorf("sorted to %v", list)
	}
	if hosts(given) != "bab" {
		t.Errorf("the source's list became %v", given)
	}
	if sorted(infos()) == nil {
		t.Error("an empty list is none any more")
	}
}
