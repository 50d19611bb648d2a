package databases

import (
	"database/sql"
	"fmt"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql"

	_ "github.com/caddy-balance/caddy-balance/healthprobe/databases"
	"github.com/caddy-balance/caddy-balance/internal/caddytest"
	"github.com/caddy-balance/caddy-balance/internal/e2e/servers"
)

const mariaDBPassword = "the-password-of-mariadb"

// mariaDB is a primary and a replica behind Caddy. read_only tells them apart.
type mariaDB struct {
	t       *testing.T
	servers []*servers.MariaDB
	admins  []*sql.DB
	writes  string // the address of Caddy
}

func startMariaDB(t *testing.T) *mariaDB {
	t.Helper()
	m := &mariaDB{t: t, writes: caddytest.FreeAddress(t)}
	port := servers.FreePorts(t, 2, 1)[0]
	for number := range 2 {
		s := servers.StartMariaDB(t, number+1, port)
		admin, err := sql.Open("mysql", "root@unix("+s.Socket()+")/")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { admin.Close() })
		m.servers, m.admins = append(m.servers, s), append(m.admins, admin)
	}
	m.tell(0, "create user app identified by '"+mariaDBPassword+"'")
	m.tell(0, "grant all on shop.* to app")
	m.tell(0, "grant replication slave on *.* to app")
	m.tell(0, "create database shop")
	m.tell(0, "create table shop.written (id int primary key)")
	m.follow(1, 0)
	m.tell(0, "set global read_only = 0")
	start(t, fmt.Sprintf(`layer4 {
		%s {
			route {
				pool mariadb-primary {
					source static %s %s
					health {
						probe mysql primary {
							username app
							password %s
						}
						interval 500ms
						rise 1
						fall 1
						initial unhealthy
					}
					fail_open off
					close_on_unhealthy 0s
				}
			}
		}
	}`, m.writes, m.servers[0].Address, m.servers[1].Address, mariaDBPassword))
	return m
}

func (m *mariaDB) tell(server int, statement string) {
	m.t.Helper()
	if _, err := m.admins[server].Exec(statement); err != nil {
		m.t.Fatalf("%s: %v", statement, err)
	}
}

// follow makes a server the replica of another one.
func (m *mariaDB) follow(replica, primary int) {
	m.t.Helper()
	s := m.servers[primary]
	m.tell(replica, fmt.Sprintf("change master to master_host='%s', master_port=%s, master_user='app', master_password='%s', "+
		"master_use_gtid=slave_pos, master_connect_retry=1", s.Host, s.Address[len(s.Host)+1:], mariaDBPassword))
	m.tell(replica, "start slave")
}

// open returns sessions by Caddy.
func (m *mariaDB) open() *sql.DB {
	m.t.Helper()
	db, err := sql.Open("mysql", "app:"+mariaDBPassword+"@tcp("+m.writes+")/shop")
	if err != nil {
		m.t.Fatal(err)
	}
	db.SetMaxOpenConns(4)
	m.t.Cleanup(func() { db.Close() })
	return db
}

// awaitWriteAt waits until a write is acknowledged by a server, and returns the number of the row.
func (m *mariaDB) awaitWriteAt(db *sql.DB, server int, from int) (id int) {
	m.t.Helper()
	eventually(m.t, fmt.Sprint("a write at server ", server+1), func() bool {
		from++
		row := db.QueryRow("insert into written values (?) returning @@server_id", from)
		var at int
		if err := row.Scan(&at); err != nil {
			time.Sleep(10 * time.Millisecond)
			return false
		}
		return at == server+1
	})
	return from
}

// rows returns how many rows a server has, or -1 if the table has not reached it.
func (m *mariaDB) rows(server int) (n int) {
	if err := m.admins[server].QueryRow("select count(*) from shop.written").Scan(&n); err != nil {
		return -1
	}
	return n
}

func TestMariaDBWritesFollowTheServerThatIsNotReadOnly(t *testing.T) {
	m := startMariaDB(t)
	db := m.open()
	last := m.awaitWriteAt(db, 0, 0)
	for range 50 {
		last = m.awaitWriteAt(db, 0, last)
	}

	// What a tool for a switchover does.
	m.tell(0, "set global read_only = 1")
	eventually(t, "the replica has all rows", func() bool { return m.rows(1) == m.rows(0) && m.rows(1) > 0 })
	m.tell(1, "stop slave")
	m.tell(1, "set global read_only = 0")
	last = m.awaitWriteAt(db, 1, last)
	m.follow(0, 1)
	for range 50 {
		last = m.awaitWriteAt(db, 1, last)
	}
	eventually(t, "no connection to the former primary", func() bool {
		return inFlight("mariadb-primary", m.servers[0].Address) == 0
	})
	eventually(t, "the former primary has all rows", func() bool { return m.rows(0) == m.rows(1) })

	// The new primary is lost with its machine.
	m.servers[1].Kill()
	m.tell(0, "stop slave")
	m.tell(0, "set global read_only = 0")
	m.awaitWriteAt(db, 0, last)
}
