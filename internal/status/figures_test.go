package status

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/endpointtest"
	"github.com/caddy-balance/caddy-balance/internal/listing"
	"github.com/caddy-balance/caddy-balance/internal/load"
)

// column returns a value of a row.
func column(t *testing.T, row []any, name string) any {
	t.Helper()
	i := slices.Index(figureColumns, name)
	if i < 0 {
		t.Fatalf("there is no column %q", name)
	}
	return row[i]
}

func TestFiguresHaveOnlyWhatHasChanged(t *testing.T) {
	endpointtest.Run(t, func(p *endpointtest.Pool) {
		p.SetEndpoints("a", "b")
		var f figures
		first := f.event(p.Claim.Roster, load.Now(), time.Second)
		if len(first.Rows) != 2 || !slices.Equal(first.Columns, figureColumns) {
			t.Fatalf("the first event is %+v", first)
		}
		if len(first.Rows[0]) != len(figureColumns) {
			t.Errorf("a row has %d values for %d columns", len(first.Rows[0]), len(figureColumns))
		}
		if e := f.event(p.Claim.Roster, load.Now(), time.Second); len(e.Rows) != 0 || e.Columns != nil {
			t.Errorf("the event after no change is %+v", e)
		}
		p.Endpoint("a").CountEnding(endpoint.Answered)
		p.Endpoint("a").CountEnding(endpoint.FailedTimeout)
		p.Endpoint("a").CountEnding(endpoint.ClientLeft)
		e := f.event(p.Claim.Roster, load.Now(), time.Second)
		if len(e.Rows) != 1 || column(t, e.Rows[0], "address") != "a:1" {
			t.Fatalf("the event after requests at a is %+v", e)
		}
		if r, n := column(t, e.Rows[0], "requests"), column(t, e.Rows[0], "failures"); r != uint64(2) || n != uint64(1) {
			t.Errorf("%v requests, %v failures, want 2 and 1", r, n)
		}
		p.SetEndpoints("b", "c")
		if e := f.event(p.Claim.Roster, load.Now(), time.Second); len(e.Rows) != 1 || !slices.Equal(e.Removed, []string{"a:1"}) {
			t.Errorf("the event after a has left and c has come is %+v", e)
		}
	})
}

func TestFiguresSayAStateWithItsReason(t *testing.T) {
	endpointtest.Run(t, func(p *endpointtest.Pool) {
		p.SetEndpoints("a", "b")
		var f figures
		f.event(p.Claim.Roster, load.Now(), time.Second)
		m := p.Claim.Roster.Snapshot().Find("a:1")
		err := p.Claim.Roster.SetOverride(m, endpoint.Override{State: endpoint.OverrideDrain, Reason: "a new disk"}, false)
		if err != nil {
			t.Fatal(err)
		}
		e := f.event(p.Claim.Roster, load.Now(), time.Second)
		i := slices.IndexFunc(e.Rows, func(row []any) bool { return column(t, row, "address") == "a:1" })
		if i < 0 || fmt.Sprint(column(t, e.Rows[i], "state")) != "draining" || column(t, e.Rows[i], "usable") != false {
			t.Fatalf("%+v", e)
		}
		if reason := column(t, e.Rows[i], "reason"); reason != "an operator says so: a new disk" {
			t.Errorf("the reason is %q", reason)
		}
	})
}

func TestTimesAreThoseSinceTheStreamBegan(t *testing.T) {
	endpointtest.Run(t, func(p *endpointtest.Pool) {
		p.SetEndpoints("a")
		answer := func(n int, took time.Duration) {
			for range n {
				p.Endpoint("a").CountEnding(endpoint.Answered)
				p.Endpoint("a").CountFirstByte(took)
			}
		}
		var f figures
		answer(1000, 10*time.Second)
		f.event(p.Claim.Roster, load.Now(), time.Second)
		answer(95, 100*time.Millisecond)
		answer(5, time.Second)
		e := f.event(p.Claim.Roster, load.Now(), time.Second)
		p50, _ := column(t, e.Rows[0], "p50").(float64)
		p99, _ := column(t, e.Rows[0], "p99").(float64)
		if p50 < .08 || p50 > .125 || p99 < .8 || p99 > 1.01 {
			t.Errorf("p50 is %v s and p99 %v s, want about 0.1 and 1", p50, p99)
		}
		if e.P50 != p50 || e.P99 != p99 {
			t.Errorf("of the pool they are %v and %v", e.P50, e.P99)
		}

		// A minute later they hardly count any more.
		for range 60 {
			f.event(p.Claim.Roster, load.Now(), time.Second)
		}
		answer(50, 10*time.Millisecond)
		e = f.event(p.Claim.Roster, load.Now(), time.Second)
		if e.P50 > .0125 {
			t.Errorf("the p50 is %v s a minute later, want about 0.01", e.P50)
		}
	})
}

func TestPoolsAreSentAsTheyChange(t *testing.T) {
	endpointtest.Run(t, func(p *endpointtest.Pool) {
		p.SetEndpoints("a")
		var f figures
		if e, changed := f.poolsEvent(); !changed || len(e.Pools) != 1 || e.Pools[0].Usable != 1 {
			t.Errorf("at first: %+v", e)
		}
		if e, changed := f.poolsEvent(); changed {
			t.Errorf("after no change: %+v", e)
		}
		p.SetEndpoints("a", "b")
		if e, changed := f.poolsEvent(); !changed || e.Pools[0].Endpoints != 2 {
			t.Errorf("after a change: %+v", e)
		}
	})
}

func TestAnIntervalOfFiguresHasBounds(t *testing.T) {
	for text, want := range map[string]time.Duration{"": 0, "1s": time.Second, "15s": 15 * time.Second} {
		got, err := figuresInterval(httptest.NewRequest(http.MethodGet, "/?figures="+text, nil))
		if got != want || err != nil {
			t.Errorf("%q: %s, %v", text, got, err)
		}
	}
	for _, text := range []string{"1", "10ms", "1h", "-1s"} {
		if _, err := figuresInterval(httptest.NewRequest(http.MethodGet, "/?figures="+text, nil)); err == nil {
			t.Errorf("%q is not refused", text)
		}
	}
}

// BenchmarkFigures is what a second of a stream costs, if no endpoint or each one has requests.
func BenchmarkFigures(b *testing.B) {
	for _, busy := range []bool{false, true} {
		b.Run(fmt.Sprintf("busy=%t", busy), func(b *testing.B) {
			roster := benchmarkRoster(b, 5000)
			var f figures
			f.event(roster, load.Now(), time.Second)
			for b.Loop() {
				if busy {
					for i := range roster.Snapshot().Members {
						roster.Snapshot().Members[i].CountEnding(endpoint.Answered)
						roster.Snapshot().Members[i].CountFirstByte(time.Millisecond)
					}
				}
				data, err := json.Marshal(f.event(roster, load.Now(), time.Second))
				if err != nil {
					b.Fatal(err)
				}
				b.SetBytes(int64(len(data)))
			}
		})
	}
}

func benchmarkRoster(b *testing.B, endpoints int) *endpoint.Roster {
	b.Helper()
	claim, err := endpoint.Acquire(endpoint.Definition{
		Name: b.Name(), Run: func(ctx context.Context, _ *endpoint.Roster) { <-ctx.Done() },
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(claim.Release)
	list := make([]listing.Info, endpoints)
	for i := range list {
		list[i] = listing.Info{Address: fmt.Sprintf("10.0.%d.%d:80", i/250, i%250), Weight: 1}
	}
	claim.Roster.Replace(list)
	return claim.Roster
}
