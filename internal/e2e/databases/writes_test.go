package databases

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/caddy-balance/caddy-balance/internal/e2e/servers"
)

// writes is a load of rows through Caddy. A writer whose session has ended opens another one, as
// applications do. No writer has a time limit: a session that hangs must end from the other side.
type writes struct {
	p    *postgres
	stop context.CancelFunc
	wg   sync.WaitGroup

	mu           sync.Mutex
	next         int
	acknowledged map[int]bool
	byHost       map[string]int
	failed       int
	last         map[string]time.Time // when a host acknowledged its last one
	passed       map[string]uint64    // checks that a host had passed when the first session reached it
}

func startWrites(p *postgres) *writes {
	p.t.Helper()
	c := p.mustConnect(p.writes, "table")
	if _, err := c.Exec(p.t.Context(), "create table written (id int)"); err != nil {
		p.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	w := &writes{
		p: p, stop: stop,
		acknowledged: make(map[int]bool), byHost: make(map[string]int), last: make(map[string]time.Time),
		passed: make(map[string]uint64),
	}
	for range 4 {
		w.wg.Go(func() { w.write(ctx) })
	}
	p.t.Cleanup(w.end)
	return w
}

func (w *writes) end() {
	w.stop()
	w.wg.Wait()
}

// write writes row after row until the context ends.
func (w *writes) write(ctx context.Context) {
	for ctx.Err() == nil {
		c, err := w.p.connect(ctx, w.p.writes, "writes")
		if err == nil {
			err = w.noteReached(ctx, c)
		}
		for err == nil {
			err = w.writeOne(ctx, c)
		}
		if c != nil {
			c.Close(ctx)
		}
		sleep(ctx, 10*time.Millisecond)
	}
}

// noteReached notes how many checks the host of a session has passed.
func (w *writes) noteReached(ctx context.Context, c *pgx.Conn) error {
	var host string
	if err := c.QueryRow(ctx, serverAddress).Scan(&host); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, known := w.passed[host]; !known {
		w.passed[host] = passedChecks("pg-primary", net.JoinHostPort(host, w.p.Port))
	}
	return nil
}

func (w *writes) writeOne(ctx context.Context, c *pgx.Conn) error {
	w.mu.Lock()
	w.next++
	id := w.next
	w.mu.Unlock()
	var host string
	err := c.QueryRow(ctx, "insert into written values ($1) returning host(inet_server_addr())", id).Scan(&host)
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		w.failed++
		return err
	}
	w.acknowledged[id] = true
	w.byHost[host]++
	w.last[host] = time.Now()
	sleep(ctx, time.Millisecond)
	return nil
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// counts returns how many writes were acknowledged and how many failed.
func (w *writes) counts() (acknowledged, failed int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.acknowledged), w.failed
}

// wantWithinOneCheck fails the test if a session reached a new leader later than the check that
// follows those which make it healthy. Before it was the leader it passed no check. PostgreSQL may
// take longer to acknowledge a write, until Patroni has named the replicas that are left.
func (w *writes) wantWithinOneCheck(leader *servers.PatroniMember) {
	w.p.t.Helper()
	const rise = 2 // the default
	w.mu.Lock()
	defer w.mu.Unlock()
	if n := w.passed[leader.Host]; n < rise || n > rise+1 {
		w.p.t.Errorf("%s had passed %d checks when a session reached it; want %d, or one more", leader.Name, n, rise)
	}
}

// awaitWritesAt waits until a member has acknowledged n more writes, and returns when it had.
func (w *writes) awaitWritesAt(m *servers.PatroniMember, n int) (at time.Time) {
	w.p.t.Helper()
	count := func() int {
		w.mu.Lock()
		defer w.mu.Unlock()
		at = w.last[m.Host]
		return w.byHost[m.Host]
	}
	goal := count() + n
	eventually(w.p.t, "writes at "+m.Name, func() bool { return count() >= goal })
	return at
}

// wantAllKept fails the test unless the leader has each row whose write was acknowledged.
func (w *writes) wantAllKept() {
	t := w.p.t
	t.Helper()
	rows, err := w.p.mustConnect(w.p.writes, "check").Query(t.Context(), "select id from written")
	if err != nil {
		t.Fatal(err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int])
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d writes were acknowledged, %d failed, and %d rows are there", len(w.acknowledged), w.failed, len(ids))
	for _, id := range ids {
		delete(w.acknowledged, id)
	}
	if len(w.acknowledged) > 0 {
		t.Errorf("%d acknowledged writes are lost", len(w.acknowledged))
	}
}
