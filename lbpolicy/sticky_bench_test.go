package lbpolicy

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// stickyCarrier is a policy, and a request that has a session at an endpoint with an ID.
type stickyCarrier struct {
	name    string
	policy  Sticky
	request func(p *Sticky, id string) *http.Request
}

// stickyCarriers are all that keeps sessions.
func stickyCarriers() []*stickyCarrier {
	get := func(target string, header ...string) *http.Request {
		r, _ := http.NewRequest(http.MethodGet, target, nil)
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		return r.WithContext(context.WithValue(context.Background(), caddyhttp.VarsCtxKey, map[string]any{
			caddyhttp.ClientIPVarKey: "192.0.2.7",
		}))
	}
	cookie := func(p *Sticky, id string) *http.Request {
		s := session{token: token(p.keys[0], id)}
		p.carrier.renew(&s, time.Now())
		return get("/", "Cookie", "a=b; "+p.Cookie.name+"="+p.Cookie.valueOf(nil, s)+"; c=d")
	}
	return []*stickyCarrier{
		{"cookie", Sticky{Cookie: new(StickyCookie)}, cookie},
		{"cookie, idle", Sticky{Cookie: &StickyCookie{Idle: 1e12}}, cookie},
		{"learn", Sticky{Learn: &StickyLearn{Cookie: "JSESSIONID"}}, func(p *Sticky, id string) *http.Request {
			p.Learn.add(p.Learn.table.keyOf("4f2a"), session{token: id}, time.Now())
			return get("/", "Cookie", "a=b; JSESSIONID=4f2a; c=d")
		}},
		{"header", Sticky{Header: &StickyValue{Name: "X-Room"}}, remembers(get("/", "X-Room", "7"))},
		{"query", Sticky{Query: &StickyValue{Name: "room"}}, remembers(get("/?a=b&room=7"))},
		{"token", Sticky{Header: &StickyValue{Name: "X-Session", Value: "token"}}, func(p *Sticky, id string) *http.Request {
			return get("/", "X-Session", token(p.keys[0], id))
		}},
		{"route", Sticky{Path: &StickyValue{Name: "jsessionid"}}, func(_ *Sticky, id string) *http.Request {
			return get("/cart;jsessionid=4f2a." + id + "/items")
		}},
		{"route of a cookie", Sticky{Route: &StickyRoute{Cookie: "JSESSIONID", Path: "jsessionid"}},
			func(_ *Sticky, id string) *http.Request { return get("/", "Cookie", "a=b; JSESSIONID=4f2a."+id) }},
		{"client_ip", Sticky{ClientIP: new(StickyClientIP)}, remembers(get("/"))},
	}
}

// remembers makes the proxy remember where the session of a request is.
func remembers(r *http.Request) func(p *Sticky, id string) *http.Request {
	return func(p *Sticky, id string) *http.Request {
		p.carrier.change(nil, r, session{token: id}, time.Now())
		return r
	}
}

// pool makes the policy pick from n endpoints, of which the last one has the session of a request.
func (c *stickyCarrier) pool(
	t testing.TB, n int,
) (pick func(*http.Request) (*endpoint.Endpoint, bool), r *http.Request) {
	p := &c.policy
	if err := p.provisionCarrier(zap.NewNop()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, release := range p.release {
			release()
		}
	})
	p.keys = unkeyed
	if p.carrier.handsOut() {
		p.keys = keyring{[]byte("key")}
	}
	roster, release := endpoint.AcquireStatic()
	t.Cleanup(release)
	infos := make([]listing.Info, n)
	for i := range infos {
		infos[i] = listing.Info{Address: address(i), Weight: 1, ID: fmt.Sprint("web-", i)}
	}
	roster.Replace(infos)
	picker := p.NewPicker(roster, nil)
	t.Cleanup(picker.Stop)
	return picker.Pick, c.request(p, infos[n-1].Key())
}

func TestAPickForASessionAllocatesNothing(t *testing.T) {
	for _, c := range stickyCarriers() {
		t.Run(c.name, func(t *testing.T) {
			pick, r := c.pool(t, 1000)
			if e, _ := pick(r); e == nil || e.Address() != address(999) {
				t.Fatalf("picked %v", e)
			}
			if allocs := testing.AllocsPerRun(1000, func() { pick(r) }); allocs != 0 {
				t.Errorf("%v allocations", allocs)
			}
		})
	}
}

// BenchmarkPickForASession measures the pick of an endpoint that has the session of a request.
func BenchmarkPickForASession(b *testing.B) {
	for _, n := range listSizes {
		for _, c := range stickyCarriers() {
			pick, r := c.pool(b, n)
			b.Run(fmt.Sprintf("carrier=%s/endpoints=%d", c.name, n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					pick(r)
				}
			})
		}
	}
}
