package e2e

import (
	"fmt"
	"testing"
	"time"
)

// publishPace is the minimum time between two lists that a pool publishes.
const publishPace = 100 * time.Millisecond

func listsManyEndpoints(t *testing.T, r registry) {
	size := 10_000
	if l, ok := r.(limited); ok {
		size = l.most()
	}
	manyBackends := startManyBackends(t, size)
	// Idle connections would exceed the number of files that a process may open.
	p := startProxy(t, r, "transport http {\nkeepalive off\n}")

	begin := time.Now()
	r.put(manyBackends.entries()...)
	registered := time.Since(begin)
	// The log has the published list, which follows the answer of the source a moment later.
	eventually(t, "all have arrived", func() bool {
		return logged.Count(fmt.Sprintf(`"msg":"pool changed","pool":"web","endpoints":%d,`, size)) > 0
	})
	took, lists := time.Since(begin), published()
	t.Logf("%d endpoints, registered in %s, arrived after %s in %d lists", size, registered, took, lists)
	if most := int(took/publishPace) + 2; lists > most {
		t.Errorf("%d lists were published in %s, want at most %d", lists, took, most)
	}
	reachesMany(t, p, manyBackends)
}

// reachesMany expects that the first turn of the schedule goes to a different endpoint each time.
func reachesMany(t *testing.T, p *proxy, c *manyBackends) {
	t.Helper()
	const turn = 1000
	l := &load{t: t, http: p.siteClient()}
	defer l.http.CloseIdleConnections()
	for range turn {
		l.record(l.sendOne())
	}
	l.expectNoErrors()
	if n := c.met(); n != min(turn, len(c.addresses)) {
		t.Errorf("%d requests reached %d endpoints", turn, n)
	}
}
