package endpoint

import (
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/load"
)

func TestEqualListsShareWhatIsKnownOfRoutes(t *testing.T) {
	first, releaseFirst := AcquireRoutes("a:1 b:1")
	second, releaseSecond := AcquireRoutes("a:1 b:1")
	other, releaseOther := AcquireRoutes("c:1")
	defer releaseOther()
	if first != second || first == other {
		t.Error("equal lists have different tables, or different lists the same")
	}
	releaseFirst()
	third, releaseThird := AcquireRoutes("a:1 b:1")
	if third != first {
		t.Error("a list that is still in use lost its table")
	}
	releaseSecond()
	releaseThird()
	EachStaticRoutes(func(list string, _ *load.Routes) bool {
		if list == "a:1 b:1" {
			t.Error("a list that is no longer in use has a table")
		}
		return true
	})
}
