package lbpolicy

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// stickyPool is a pool of n endpoints, and a request of a session at the last one.
func stickyPool(t testing.TB, n int) (pick func(*http.Request) (*endpoint.Endpoint, bool), r *http.Request) {
	p := &Sticky{Cookie: new(StickyCookie), keys: keyring{[]byte("key")}}
	if err := p.Cookie.check(); err != nil {
		t.Fatal(err)
	}
	p.carrier = p.Cookie
	roster, release := endpoint.AcquireStatic()
	t.Cleanup(release)
	infos := make([]listing.Info, n)
	for i := range infos {
		infos[i] = listing.Info{Address: address(i), Weight: 1}
	}
	roster.Replace(infos)
	picker := p.NewPicker(roster, nil)
	t.Cleanup(picker.Stop)
	r, _ = http.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Cookie", "a=b; "+p.Cookie.name+"="+token(p.keys[0], infos[n-1].Key())+"; c=d")
	return picker.Pick, r
}

func TestAPickForASessionAllocatesNothing(t *testing.T) {
	pick, r := stickyPool(t, 1000)
	if e, _ := pick(r); e == nil || e.Address() != address(999) {
		t.Fatalf("picked %v", e)
	}
	if allocs := testing.AllocsPerRun(1000, func() { pick(r) }); allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

// BenchmarkPickForASession measures the pick of an endpoint by a cookie.
func BenchmarkPickForASession(b *testing.B) {
	for _, n := range listSizes {
		pick, r := stickyPool(b, n)
		b.Run(fmt.Sprintf("endpoints=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				pick(r)
			}
		})
	}
}
