package databases

import (
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/e2e/servers"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

func TestPostgresUnderWritesWhenTheLeaderIsSwitchedOver(t *testing.T) {
	p := startPostgres(t)
	testChangeOfLeader(p, func(m *servers.PatroniMember) {
		if err := m.SwitchOver(t.Context(), p.Members[2]); err != nil {
			t.Fatal(err)
		}
	}, nil)
}

// Patroni either starts the leader again or makes another member the leader, whichever is sooner.
func TestPostgresUnderWritesWhenPostgreSQLIsKilled(t *testing.T) {
	p := startPostgres(t)
	load := startWrites(p)
	load.awaitWritesAt(p.Members[0], 100)
	if err := p.Members[0].CrashPostgres(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the sessions end", func() bool { _, failed := load.counts(); return failed > 0 })
	before, _ := load.counts()
	eventually(t, "writes go on", func() bool { acknowledged, _ := load.counts(); return acknowledged >= before+100 })
	load.end()
	load.wantAllKept()
}

func TestPostgresUnderWritesWhenTheMachineOfTheLeaderIsLost(t *testing.T) {
	testChangeOfLeader(startPostgres(t), func(m *servers.PatroniMember) { m.Kill() },
		func(m *servers.PatroniMember) { m.Restart() })
}

// Nothing but Caddy ends the sessions of a machine that hangs.
func TestPostgresUnderWritesWhenTheMachineOfTheLeaderHangs(t *testing.T) {
	testChangeOfLeader(startPostgres(t), func(m *servers.PatroniMember) { m.Freeze() },
		func(m *servers.PatroniMember) { m.Thaw() })
}

// testChangeOfLeader expects that the writes go on at the leader that follows, that each
// acknowledged write is kept, and that no session stays behind. repair is done after the change.
func testChangeOfLeader(p *postgres, fault, repair func(*servers.PatroniMember)) {
	p.t.Helper()
	t, former := p.t, p.Members[0]
	load := startWrites(p)
	load.awaitWritesAt(former, 100)
	begin := time.Now()
	fault(former)
	leader, elected := p.leader(former)
	written := load.awaitWritesAt(leader, 1)
	t.Logf("%s leads after %s, and the first write is %s later",
		leader.Name, elected.Sub(begin).Round(time.Millisecond), written.Sub(elected).Round(time.Millisecond))
	load.wantWithinOneCheck(leader)
	eventually(t, "no connection to the former leader", func() bool {
		return inFlight("pg-primary", former.Host+":"+p.Port) == 0
	})
	if repair != nil {
		repair(former)
	}
	eventually(t, "the former leader is a replica", func() bool { return former.IsReplica(t.Context()) })
	load.awaitWritesAt(leader, 100)
	if n := p.sessions(former, "writes"); n != 0 {
		t.Errorf("%d sessions are at the former leader", n)
	}
	load.end()
	load.wantAllKept()
}

// passedChecks returns how many checks an endpoint has passed.
func passedChecks(pool, address string) uint64 {
	var totals endpoint.Totals
	if m := endpoint.Current(pool).Snapshot().Find(address); m != nil {
		m.AddTotals(&totals)
	}
	return totals.Checks[endpoint.CheckPassed]
}

// inFlight returns how many connections an endpoint has.
func inFlight(pool, address string) int {
	if m := endpoint.Current(pool).Snapshot().Find(address); m != nil {
		return m.InFlight()
	}
	return -1
}
