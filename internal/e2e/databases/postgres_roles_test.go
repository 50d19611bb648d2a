package databases

import (
	"testing"

	"github.com/jackc/pgx/v5"
)

const serverAddress = "select host(inet_server_addr())"

// The first member of the example has weight 1, and the others have 2.
func TestPostgresWritesReachTheLeaderAndReadsTheReplicasByWeight(t *testing.T) {
	p := startPostgres(t)
	if got := ask[string](t, p.mustConnect(p.writes, "writes"), serverAddress); got != p.Members[0].Host {
		t.Errorf("writes reach %s", got)
	}
	if err := p.Members[0].SwitchOver(t.Context(), p.Members[1]); err != nil {
		t.Fatal(err)
	}
	eventually(t, "writes reach the new leader", func() bool {
		return ask[string](t, p.mustConnect(p.writes, "writes"), serverAddress) == p.Members[1].Host
	})
	eventually(t, "reads reach the former leader", func() bool { return p.tryRead() == p.Members[0].Host })
	eventually(t, "no read reaches the new leader", func() bool {
		for range 6 {
			if p.tryRead() == p.Members[1].Host {
				return false
			}
		}
		return true
	})
	reached := make(map[string]int)
	for range 30 {
		reached[ask[string](t, p.mustConnect(p.reads, "reads"), serverAddress)]++
	}
	if one, two := reached[p.Members[0].Host], reached[p.Members[2].Host]; one+two != 30 || one < 9 || one > 11 {
		t.Errorf("reads reach %v", reached)
	}
}

// tryRead returns which member answers a read, empty if none does.
func (p *postgres) tryRead() (host string) {
	c, err := p.connect(p.t.Context(), p.reads, "try")
	if err != nil {
		return ""
	}
	defer c.Close(p.t.Context())
	_ = c.QueryRow(p.t.Context(), serverAddress).Scan(&host) // it fails while roles change
	return host
}

// A replica that becomes the leader keeps its sessions, which the example ends after 30 s.
func TestPostgresSessionsForReadsLeaveAReplicaThatBecomesTheLeader(t *testing.T) {
	p := startPostgres(t, "close_on_unhealthy 30s", "close_on_unhealthy 1s")
	var session *pgx.Conn
	eventually(t, "a session for reads at the second member", func() bool {
		session = p.mustConnect(p.reads, "reads")
		return ask[string](t, session, serverAddress) == p.Members[1].Host
	})
	if err := p.Members[0].SwitchOver(t.Context(), p.Members[1]); err != nil {
		t.Fatal(err)
	}
	if _, err := session.WaitForNotification(t.Context()); err == nil {
		t.Error("the session goes on")
	}
	eventually(t, "no session for reads at the leader", func() bool { return p.sessions(p.Members[1], "reads") == 0 })
}
