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

// consulRegistry registers endpoints as instances of a service in Consul's catalog. Their node has
// no agent, because an agent removes the instances that it does not know.
type consulRegistry struct {
	t *testing.T
	*servers.Consul
	link    *link
	wait    string
	options string // of the source
}

func TestConsul(t *testing.T) { runScenarios(t, startConsul) }

func startConsul(t *testing.T) *consulRegistry {
	t.Helper()
	s := servers.StartConsul(t)
	return &consulRegistry{t: t, Consul: s, link: startLink(t, s.Address), wait: "2s"}
}

// source has a short wait by default, because the wait is also the time after which a dead
// connection is noticed.
func (c *consulRegistry) source() string {
	return "consul web {\naddress " + c.link.address + "\nwait " + c.wait + "\n" + c.options + "\n}"
}

func (c *consulRegistry) registryLink() *link { return c.link }
func (c *consulRegistry) kill()               { c.Kill() }
func (c *consulRegistry) restart()            { c.Restart() }
func (c *consulRegistry) restartEmpty()       { c.RestartEmpty() }

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

// do sends the operations in the largest transactions that Consul accepts.
func (c *consulRegistry) do(all []object) {
	c.t.Helper()
	for batch := range slices.Chunk(all, 64) {
		if err := send(http.DefaultClient, http.MethodPut, "http://"+c.Address+"/v1/txn", batch); err != nil {
			c.t.Fatal(err)
		}
	}
}
