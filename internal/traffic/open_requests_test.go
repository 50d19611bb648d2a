package traffic

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// openBackends are backends with requests that stay open. The query says how: a poll is not
// answered, of an upload the body is read to its end, and of events the header is sent and no
// event. A socket is an upgraded connection without traffic. All other requests are quick.
type openBackends struct {
	fleet
	arrived chan string // the name of the backend that got a request which stays open
}

func startOpenBackends(t *testing.T, n int) *openBackends {
	t.Helper()
	o := &openBackends{arrived: make(chan string, 100)}
	o.fleet = startBackends(t, n, func(b *backend, w http.ResponseWriter, r *http.Request) {
		switch r.URL.Query().Get("as") {
		case "poll":
			o.arrived <- b.name
			<-r.Context().Done()
		case "upload":
			o.arrived <- b.name
			io.Copy(io.Discard, r.Body)
		case "events":
			w.Header().Set("Content-Type", "text/event-stream")
			http.NewResponseController(w).Flush()
			o.arrived <- b.name
			<-r.Context().Done()
		case "socket":
			keepUpgraded(w, func() { o.arrived <- b.name })
		default:
			writeNameSlowly(b, w, r)
		}
	})
	return o
}

// open sends the head of a request that stays open until the test ends, and returns the name of its
// backend. It writes to a connection of its own, because Go's client would wait for the body.
func (o *openBackends) open(t *testing.T, socket, head string, fields ...string) string {
	t.Helper()
	conn, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	text := head + " HTTP/1.1\r\nHost: site\r\n" + strings.Join(fields, "\r\n")
	if _, err := io.WriteString(conn, text+"\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	return receive(t, o.arrived)
}

// sitesWithPlacement returns, by the kind of upstreams, a site with the policy, and a second site
// with the same endpoints where the field X-To of a request says which of them gets it.
func sitesWithPlacement(f fleet) map[string][]string {
	kinds := make(map[string][]string)
	for kind, upstreams := range upstreamsOf(f) {
		if kind == "pools below multi" {
			continue // each pool has routes of its own, and the policy needs one table
		}
		for _, policy := range []string{"adaptive_latency", "bounded_load_hash {http.request.header.X-To} 1000"} {
			kinds[kind] = append(kinds[kind], fmt.Sprintf("reverse_proxy {\n%s\nlb_policy %s\n}", upstreams, policy))
		}
	}
	return kinds
}

// placement returns a value of X-To for each backend.
func placement(t *testing.T, c *client, f fleet) map[string]string {
	t.Helper()
	to := make(map[string]string)
	for n := 0; len(to) < len(f); n++ {
		value := fmt.Sprint("key", n)
		to[expectOK(t)(c.get("/items/1", "X-To", value)).backend] = value
	}
	return to
}

// spread sends n quick requests, twelve at a time, and returns the answers by backend. Each takes
// five milliseconds, so that they meet at the endpoints and are spread by what is in flight there.
func spread(t *testing.T, p *proxy, n int) map[string]int {
	t.Helper()
	names := make([]string, n)
	c := p.client()
	flood(12, n, func(i int) {
		a, err := c.get(fmt.Sprint("/items/", i))
		if err != nil || a.status != http.StatusOK {
			t.Errorf("status %d, %v", a.status, err)
		}
		names[i-1] = a.backend
	})
	counts := make(map[string]int)
	for _, name := range names {
		counts[name]++
	}
	return counts
}

// expectSpread expects that each of three backends gets a fair part of quick requests: 15 to 60 of
// 100 where 33 are even. Two requests in flight count as work at first: of the 14 in flight each of
// three endpoints then has 4.7, so that one gets 2.7 of 12 quick ones, 22 of 100. A machine that is
// busy with something else can make one backend slow for a while, which the policy is right to
// notice. A backend that is avoided gets none, and the others get 50 or 100.
func expectSpread(t *testing.T, p *proxy, f fleet, when string) {
	t.Helper()
	const n = 300
	counts := spread(t, p, n)
	for _, b := range f {
		if part := counts[b.name]; part < n*15/100 || part > n*60/100 {
			t.Errorf("%s: shares are %v of %d", when, counts, n)
			return
		}
	}
}

// longPast is how long requests are open before they are old by any measure: the policy takes what
// is in flight for longer than a second, and 20 times as long as usual, for no work.
const longPast = 2 * time.Second

func TestAnEndpointWithARequestThatHangsServesOthers(t *testing.T) {
	for kind, path := range map[string]string{"static": "/hangs", "a pool": "/items/7"} {
		t.Run(path+", "+kind, func(t *testing.T) {
			o := startOpenBackends(t, 3)
			p := startProxy(t, sitesWithPlacement(o.fleet)[kind]...)
			expectSpread(t, p, o.fleet, "before")
			to := "X-To: " + placement(t, p.client(1), o.fleet)["b1"]
			o.open(t, p.SiteSocket(1), "GET "+path+"?as=poll", to)
			if at := o.open(t, p.SiteSocket(1), "POST "+path+"?as=upload", to, "Content-Length: 1000"); at != "b1" {
				t.Fatalf("%s has the upload", at)
			}
			expectSpread(t, p, o.fleet, "at once")
			time.Sleep(longPast)
			expectSpread(t, p, o.fleet, "after a while")
		})
	}
}

func TestEventStreamsAndLongPollsLeaveQuickRequestsEven(t *testing.T) {
	for kind, accept := range map[string]string{"static": "text/event-stream", "a pool": "*/*"} {
		t.Run(accept+", "+kind, func(t *testing.T) {
			o := startOpenBackends(t, 3)
			p := startProxy(t, sitesWithPlacement(o.fleet)[kind]...)
			expectSpread(t, p, o.fleet, "before")
			to := placement(t, p.client(1), o.fleet)
			for _, name := range []string{"b0", "b2"} {
				o.open(t, p.SiteSocket(1), "GET /feed?as=events", "X-To: "+to[name], "Accept: "+accept)
				o.open(t, p.SiteSocket(1), "GET /wait?as=poll", "X-To: "+to[name])
			}
			expectSpread(t, p, o.fleet, "at once")
			time.Sleep(longPast)
			expectSpread(t, p, o.fleet, "after a while")
		})
	}
}
