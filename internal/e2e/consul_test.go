package e2e

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"testing"

	_ "github.com/caddy-balance/caddy-balance/discovery/consul"
	"github.com/caddy-balance/caddy-balance/internal/e2e/servers"
)

// consulRegistry has endpoints as instances of a service in Consul's catalog. They are those of a node without
// an agent, which Consul's own agent would take away as none of its own.
type consulRegistry struct {
	t *testing.T
	*servers.Consul
	line *line
	wait string
}

func TestConsul(t *testing.T) { prove(t, startConsul) }

func startConsul(t *testing.T) *consulRegistry {
	t.Helper()
	s := servers.StartConsul(t)
	return &consulRegistry{t: t, Consul: s, line: startLine(t, s.Address), wait: "2s"}
}

// source waits for changes no longer than seconds by default, since that is how long it takes to see that a
// connection is dead.
func (c *consulRegistry) source() string {
	return "consul web {\naddress " + c.line.address + "\nwait " + c.wait + "\n}"
}

func (c *consulRegistry) between() *line { return c.line }
func (c *consulRegistry) kill()          { c.Kill() }
func (c *consulRegistry) restart()       { c.Restart() }
func (c *consulRegistry) restartEmpty()  { c.RestartEmpty() }

const consulNode = "external"

func (c *consulRegistry) put(entries ...entry) {
	all := []object{{"Node": object{"Verb": "set", "Node": object{"Node": consulNode, "Address": host.String()}}}}
	for _, e := range entries {
		address := netip.MustParseAddrPort(e.address)
		all = append(all, consulService("set", object{
			"ID": e.address, "Service": "web", "Address": address.Addr().String(), "Port": address.Port(),
			"Weights": object{"Passing": e.weight, "Warning": 1},
			"Meta":    object{"draining": fmt.Sprint(e.draining)},
		}))
	}
	c.do(all)
}

func (c *consulRegistry) remove(entries ...entry) {
	var all []object
	for _, e := range entries {
		all = append(all, consulService("delete", object{"ID": e.address, "Service": "web"}))
	}
	c.do(all)
}

func consulService(verb string, service object) object {
	return object{"Service": object{"Verb": verb, "Node": consulNode, "Service": service}}
}

// do puts as much into one transaction as Consul takes.
func (c *consulRegistry) do(all []object) {
	c.t.Helper()
	for batch := range slices.Chunk(all, 64) {
		if err := send(http.DefaultClient, http.MethodPut, "http://"+c.Address+"/v1/txn", batch); err != nil {
			c.t.Fatal(err)
		}
	}
}
