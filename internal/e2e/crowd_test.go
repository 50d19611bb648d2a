package e2e

import (
	"fmt"
	"testing"
	"time"
)

// publishPace is the least time between two publications of a pool.
const publishPace = 100 * time.Millisecond

func takesCrowd(t *testing.T, r registry) {
	size := 10_000
	if l, ok := r.(limited); ok {
		size = l.most()
	}
	crowd := startCrowd(t, size)
	// The connections that a transport keeps would use up the files that a process may open.
	p := startProxy(t, r, "transport http {\nkeepalive off\n}")

	begin := time.Now()
	r.put(crowd.entries()...)
	registered := time.Since(begin)
	// In the list that requests are shared among, which comes a moment after the source's answer.
	eventually(t, "all have arrived", func() bool {
		return logged.count(fmt.Sprintf(`"msg":"pool changed","pool":"web","endpoints":%d,`, size)) > 0
	})
	took, lists := time.Since(begin), published()
	t.Logf("%d endpoints, registered in %s, arrived after %s in %d lists", size, registered, took, lists)
	if most := int(took/publishPace) + 2; lists > most {
		t.Errorf("%d lists were published in %s, want at most %d", lists, took, most)
	}
	meetAll(t, p, crowd)
}

// meetAll expects that a turn of the schedule goes to each of some backends once.
func meetAll(t *testing.T, p *proxy, c *crowd) {
	t.Helper()
	const turn = 1000
	l := &load{t: t, http: client(p.socket(), false)}
	defer l.http.CloseIdleConnections()
	for range turn {
		l.note(l.ask())
	}
	l.expectNoErrors()
	if n := c.met(); n != min(turn, len(c.addresses)) {
		t.Errorf("%d requests met %d endpoints", turn, n)
	}
}
