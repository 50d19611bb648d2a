package layer4_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// listed is a front whose pool follows a file.
type listed struct {
	*front
	file    string
	options string
}

func startListed(t *testing.T, options string, entries ...string) *listed {
	f := &listed{front: newFront(t), file: filepath.Join(t.TempDir(), "list.json")}
	f.options = fmt.Sprintf("source file %s\nallow 127.0.0.0/8\n%s", f.file, options)
	f.list(entries...)
	f.start(f.options)
	return f
}

// list writes the list, whose entries are in JSON.
func (f *listed) list(entries ...string) {
	f.Helper()
	text := "[" + strings.Join(entries, ",") + "]"
	temporary := f.file + ".new"
	if err := os.WriteFile(temporary, []byte(text), 0o600); err != nil {
		f.Fatal(err)
	}
	if err := os.Rename(temporary, f.file); err != nil {
		f.Fatal(err)
	}
}

func entry(b *backend) string { return fmt.Sprintf(`{"address": %q}`, b.address()) }

// awaitMembers waits until the pool has this many endpoints.
func (f *listed) awaitMembers(n int) {
	f.Helper()
	caddytest.Eventually(f, patience, fmt.Sprint(n, " endpoints"), func() bool {
		r := endpoint.Current("test")
		return r != nil && len(r.Snapshot().Members) == n
	})
}

// connectTo connects until the backend answers.
func (f *listed) connectTo(name string) (c *client) {
	f.Helper()
	caddytest.Eventually(f, patience, name+" answers", func() bool {
		c = connect(f.T, f.address)
		got, err := c.ask("hello")
		return got == name && err == nil
	})
	return c
}

func TestADrainingEndpointKeepsItsConnectionsAndGetsNoNewOnes(t *testing.T) {
	a, b := newBackend(t, "a"), newBackend(t, "b")
	f := startListed(t, "close_on_unhealthy 0s", entry(a), entry(b))
	old := f.connectTo("a")
	f.list(fmt.Sprintf(`{"address": %q, "draining": true}`, a.address()), entry(b))
	caddytest.Eventually(t, patience, "a drains", func() bool {
		m := endpoint.Current("test").Snapshot().Find(a.address())
		return m != nil && m.Weight == 0
	})
	for range 10 {
		connect(t, f.address).wantAnswerBy("b")
	}
	old.wantAnswerBy("a")
}

func TestConnectionsToAnEndpointThatLeftTheListStayUnlessTheyAreToFollowItsRole(t *testing.T) {
	for name, c := range map[string]struct {
		option string
		closes bool
	}{
		"by default":   {"", false},
		"asked for":    {"close_on_unhealthy 0s", true},
		"with a grace": {"close_on_unhealthy 50ms", true},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := newBackend(t, "a"), newBackend(t, "b")
			f := startListed(t, c.option, entry(a), entry(b))
			conn, other := f.connectTo("a"), f.connectTo("b")
			f.reload(f.options)
			f.list(entry(b))
			f.awaitMembers(1)
			if !c.closes {
				conn.wantAnswerBy("a")
				return
			}
			conn.wantClosed()
			other.wantAnswerBy("b")
		})
	}
}

func TestAReloadClosesConnectionsThatFollowARoleOfAnEndpointThatIsGone(t *testing.T) {
	a, b := newBackend(t, "a"), newBackend(t, "b")
	f := startListed(t, "close_on_unhealthy 0s", entry(a), entry(b))
	gone, stays := f.connectTo("a"), f.connectTo("b")
	f.reload(fmt.Sprintf("source static %s\nclose_on_unhealthy 0s", b.address()))
	gone.wantClosed()
	stays.wantAnswerBy("b")
}

func TestAnEndpointThatComesBackWithinTheGraceKeepsItsConnections(t *testing.T) {
	a, b := newBackend(t, "a"), newBackend(t, "b")
	f := startListed(t, "close_on_unhealthy 1h", entry(a), entry(b))
	conn := f.connectTo("a")
	f.list(entry(b))
	f.awaitMembers(1)
	f.list(entry(a), entry(b))
	f.awaitMembers(2)
	conn.wantAnswerBy("a")
}

func TestNoGoroutineIsLeftAfterCaddyAndTheClientsHaveStopped(t *testing.T) {
	before := goroutinesOf("layer4.")
	f, a := newFront(t), newBackend(t, "a")
	f.start(fmt.Sprintf("source static %s\nidle_timeout 1h\nclose_on_unhealthy 0s", a.address()))
	var ended []*client
	for range 20 {
		ended = append(ended, connect(t, f.address))
		ended[len(ended)-1].wantAnswerBy("a")
	}
	kept := connect(t, f.address)
	kept.wantAnswerBy("a")
	f.caddy.Stop()
	kept.wantAnswerBy("a") // it may end by itself
	kept.Close()
	a.kill()
	for _, c := range ended {
		c.Close()
	}
	// Sessions over UDP of tests before may be left, which end when they have been silent.
	caddytest.Eventually(t, patience, "none is left", func() bool { return goroutinesOf("layer4.") <= before })
}

// goroutinesOf returns how many goroutines run a function.
func goroutinesOf(function string) (n int) {
	all := make([]byte, 4<<20)
	for stack := range strings.SplitSeq(string(all[:runtime.Stack(all, true)]), "\n\n") {
		if strings.Contains(stack, "caddy-balance/"+function) {
			n++
		}
	}
	return n
}
