package traffic

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

func init() { caddy.RegisterModule(new(overtaken)) }

// withCaddys returns policies with some of Caddy's own, which get a list of endpoints: they select
// by Caddy's counts, by a hash, or write cookies.
func withCaddys(policies map[string]string) map[string]string {
	all := maps.Clone(policies)
	for _, p := range []string{"random", "random_choose 2", "least_conn", "round_robin", "first", "uri_hash", "cookie"} {
		all["Caddy's "+p] = "lb_policy " + p
	}
	all["sticky with a guest of Caddy's"] = "lb_policy sticky {\npolicy least_conn\ncookie\n}"
	return all
}

// Many requests look at the same list before one of them is counted.
func TestAStormAtFullEndpointsIsServedWithinTheirLimits(t *testing.T) {
	fleet := startBackends(t, 3, func(b *backend, w http.ResponseWriter, _ *http.Request) {
		time.Sleep(time.Millisecond)
		io.WriteString(w, b.name)
	})
	var names, sites []string
	for policy, line := range withCaddys(ourPolicies) {
		names = append(names, policy)
		sites = append(sites, gated(fleet, "max_requests 2\nqueue 100 1h", line))
	}
	p := startProxy(t, sites...)
	for i, name := range names {
		t.Run(name, func(t *testing.T) {
			c := p.client(i)
			flood(30, amount(400, 150), func(n int) {
				a, err := c.get(fmt.Sprint("/", n))
				if err != nil || a.status != http.StatusOK || len(a.header["Set-Cookie"]) > 1 {
					t.Errorf("status %d, cookies %q, %v", a.status, a.header["Set-Cookie"], err)
				}
			})
			fleet.expectAtMost(t, 2)
			awaitGate(t, 0, 0)
		})
	}
}

// overtaken is a policy of another plugin that selects the first upstream and adds a cookie. Other
// requests then take all places there, as often as a test wants.
type overtaken struct{}

var (
	overtaking atomic.Int64                        // how many selections are still overtaken
	overtakers = make(chan *endpoint.Endpoint, 10) // where the others are
)

func (*overtaken) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.reverse_proxy.selection_policies.overtaken",
		New: func() caddy.Module { return new(overtaken) },
	}
}

func (*overtaken) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	return nil
}

func (*overtaken) Select(
	pool reverseproxy.UpstreamPool, _ *http.Request, w http.ResponseWriter,
) *reverseproxy.Upstream {
	i := slices.IndexFunc(pool, (*reverseproxy.Upstream).Available)
	if i < 0 {
		return nil
	}
	w.Header().Add("Set-Cookie", "at="+pool[i].Dial)
	if overtaking.Add(-1) >= 0 {
		endpoint.Each(func(name string, p *endpoint.Pool) bool {
			for _, e := range p.Endpoints() {
				if name == "web" && e.Address() == pool[i].Dial {
					e.Reserve(0)
					overtakers <- e
				}
			}
			return true
		})
	}
	return pool[i]
}

func TestARequestThatIsOvertakenGoesToAnotherEndpointAndElseWaits(t *testing.T) {
	for name, retries := range map[string]string{
		"without retries":            "",
		"with too few retries":       "lb_retries 1",
		"with a matcher for retries": "lb_retry_match method GET",
		"with no time left":          "lb_try_duration 1ns",
		"with a pause":               "lb_try_duration 24h\nlb_try_interval 1h",
	} {
		t.Run(name, func(t *testing.T) {
			fleet := startBackends(t, 2)
			c := startProxy(t, gated(fleet, "max_requests 1\nqueue 10 1h", "lb_policy overtaken\n"+retries)).client()
			a := receive(t, overtake(t, c, 1))
			other := receive(t, overtakers)
			expectCookieOf(t, a, fleet.other(other.Address()).address)
			other.Release()

			const rounds = 8 // more than Caddy would ask for a list
			done := overtake(t, c, 2+rounds)
			first, second := receive(t, overtakers), receive(t, overtakers)
			for range rounds {
				awaitGate(t, 0, 1)
				second.Release()
				if again := receive(t, overtakers); again != second {
					t.Errorf("%s was selected; expected %s", again.Address(), second.Address())
				}
			}
			awaitGate(t, 0, 1)
			second.Release()
			expectCookieOf(t, receive(t, done), second.Address())
			first.Release()
			awaitGate(t, 0, 0)
		})
	}
}

// overtake sends a request that is overtaken so many times, and returns where its answer comes.
func overtake(t *testing.T, c *client, times int64) (done chan answer) {
	overtaking.Store(times)
	done = make(chan answer, 1)
	go func() {
		a, err := c.get("/")
		if err != nil {
			t.Error(err)
		}
		done <- a
	}()
	return done
}

// expectCookieOf expects an answer with one cookie, which is of the endpoint that serves.
func expectCookieOf(t *testing.T, a answer, address string) {
	t.Helper()
	if cookies := a.header["Set-Cookie"]; a.status != http.StatusOK || !slices.Equal(cookies, []string{"at=" + address}) {
		t.Errorf("status %d with the cookies %q; expected one of %s", a.status, cookies, address)
	}
}

// other returns the backend of a pair that has not this address.
func (f fleet) other(address string) *backend {
	return f[slices.IndexFunc(f, func(b *backend) bool { return b.address != address })]
}

func TestASessionBeginsWhereItsRequestIsServed(t *testing.T) {
	fleet := startBackends(t, 2)
	c := startProxy(t, gated(fleet, "max_requests 1\nqueue 10 1h",
		"lb_policy sticky {\nheader Client\npolicy overtaken\n}")).client()
	overtaking.Store(1)
	a := expectOK(t)(c.get("/", "Client", "ann"))
	other := receive(t, overtakers)
	if a.backend != fleet.other(other.Address()).name {
		t.Errorf("%s answered, where others had all places", a.backend)
	}
	other.Release()
	if next := expectOK(t)(c.get("/", "Client", "ann")); next.backend != a.backend {
		t.Errorf("the session of %s went on to %s", a.backend, next.backend)
	}
}

// Caddy counts by address, for all handlers.
func TestAnEndpointThatIsFullThroughAnotherHandlerIsWaitedFor(t *testing.T) {
	blocking := newBlockingHandler()
	fleet := startBackends(t, 1, blocking.serve)
	another := fmt.Sprintf("reverse_proxy {\ndynamic pool another {\nsource static %s\n}\nlb_policy random\n}", fleet)
	p := startProxy(t, another, gated(fleet, "max_requests 1\nqueue 10 1h", "lb_policy random"))
	done := make(chan error, 2)
	for site := range 2 {
		c := p.client(site)
		go func() { done <- getOne(c, 0) }()
		if site == 0 {
			receive(t, blocking.arrived)
		}
	}
	awaitGate(t, 0, 1)
	close(blocking.release)
	for range 2 {
		if err := receive(t, done); err != nil {
			t.Error(err)
		}
	}
	awaitGate(t, 0, 0)
}
