package e2e

import (
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

// open is a registry in which any client may register any address.
type open interface {
	server

	// register registers an address as it is.
	register(address string)
}

func TestEtcdMayNotNameEveryAddress(t *testing.T)   { runEgress(t, startEtcd) }
func TestConsulMayNotNameEveryAddress(t *testing.T) { runEgress(t, startConsul) }

func runEgress[R open](t *testing.T, start func(t *testing.T) R) {
	for name, run := range map[string]func(t *testing.T, r open){
		"what no server has is refused": refusesWhatNoServerHas,
		"only allowed networks serve":   servesAllowedNetworks,
		"denied networks do not serve":  refusesDeniedNetworks,
	} {
		t.Run(name, func(t *testing.T) { run(t, start(t)) })
	}
}

// refusesWhatNoServerHas has a Caddy whose admin endpoint is a TCP address.
func refusesWhatNoServerHas(t *testing.T, r open) {
	admin := caddytest.FreeAddress(t)
	_, port, _ := net.SplitHostPort(admin)
	c := startEgressTestbed(t, r, "", admin)
	for _, address := range []string{
		"169.254.169.254:80", "169.254.7.7:80", "0.0.0.1:80", admin, "localhost:" + port,
		"224.0.0.1:80", "255.255.255.255:80", "[::ffff:0.0.0.0]:80",
	} {
		r.register(address)
	}
	c.awaitRefused(
		"169.254.169.254 is the address of a metadata service",
		"169.254.7.7 is link-local, which takes allow with a network in 169.254.0.0/16",
		"0.0.0.1 is in 0.0.0.0/8, which belongs to no server",
		admin+" is the admin endpoint of this Caddy",
		"localhost:"+port+": address: "+admin+" is the admin endpoint of this Caddy",
	)
	c.awaitDropped("224.0.0.1 is a multicast address", "255.255.255.255 is the broadcast address",
		"0.0.0.0 is an address to listen on")
	c.wantOnlyBackends()
}

func servesAllowedNetworks(t *testing.T, r open) {
	c := startEgressTestbed(t, r, "allow 127.0.0.1/32", "")
	r.register("127.0.0.2:80")
	c.awaitRefused("127.0.0.2 is in no network that the pool allows")
	c.wantOnlyBackends()
}

func refusesDeniedNetworks(t *testing.T, r open) {
	c := startEgressTestbed(t, r, "allow 127.0.0.0/8\ndeny 127.0.0.2", "")
	r.register("127.0.0.2:80")
	c.awaitRefused("127.0.0.2 is in 127.0.0.2/32, which the pool denies")
	c.wantOnlyBackends()
}

// startEgressTestbed is startTestbed with options of the pool and an address of the admin endpoint,
// if it is not to be a socket.
func startEgressTestbed(t *testing.T, r registry, options, admin string) *testbed {
	t.Helper()
	p := newProxy(t, fmt.Sprintf(
		"reverse_proxy {\ndynamic pool web {\nsource %s\n%s\n%s\n}\nlb_policy smooth_weighted_round_robin\n}",
		r.source(), shortGrace, options))
	p.admin = admin
	p.start()
	c := &testbed{t: t, registry: r, backends: startBackends(t, "b0", "b1"), proxy: p}
	for _, b := range c.backends {
		r.put(b.entry())
	}
	eventually(t, "the backends are listed", func() bool { return source().Entries == len(c.backends) })
	c.load = startLoad(t, c.proxy)
	return c
}

func (c *testbed) awaitRefused(reasons ...string) {
	c.awaitLine("discovery: endpoints were refused", reasons)
}
func (c *testbed) awaitDropped(reasons ...string) {
	c.awaitLine("discovery: entries were dropped", reasons)
}

// awaitLine waits for a log line with all of the reasons.
func (c *testbed) awaitLine(message string, reasons []string) {
	c.t.Helper()
	eventually(c.t, fmt.Sprint(message, reasons), func() bool {
		return logged.Count(append(reasons, message)...) > 0
	})
}

// wantOnlyBackends expects that only the backends serve, without a failed request.
func (c *testbed) wantOnlyBackends() {
	c.t.Helper()
	eventually(c.t, "only the backends are listed", func() bool { return source().Entries == len(c.backends) })
	c.expect(each(c.backends...))
	c.finish()
}

func TestEtcdMayNameUnixSocketsOnlyIfThePoolAllowsThem(t *testing.T) {
	for options, refused := range map[string]string{
		"":           "is a unix socket; expected TCP, unless the pool has allow unix",
		"allow unix": "is the admin endpoint of this Caddy",
	} {
		t.Run(options, func(t *testing.T) {
			e := startEtcd(t)
			c := startEgressTestbed(t, e, options, "")
			b2 := &backend{name: "b2", address: filepath.Join(caddytest.SocketDir(t), "b2")}
			b2.serve(t, "unix")
			e.register("unix/" + b2.address)
			e.register("unix/" + c.proxy.AdminSocket())
			c.awaitRefused(refused)
			if options != "" {
				c.backends = append(c.backends, b2)
			}
			c.wantOnlyBackends()
		})
	}
}

func TestConsulMayNotNameUnixSockets(t *testing.T) {
	r := startConsul(t)
	c := startEgressTestbed(t, r, "allow unix", "")
	r.register("unix//var/run/docker.sock")
	c.awaitDropped("unix//var/run/docker.sock", "is not a host")
	c.wantOnlyBackends()
}

// Consul itself refuses these addresses.
func TestEtcdMayNotNameAddressesToListenOn(t *testing.T) {
	e := startEtcd(t)
	c := startEgressTestbed(t, e, "", "")
	for _, address := range []string{"0.0.0.0:80", "[::]:80", "udp/10.0.0.1:53"} {
		e.register(address)
	}
	c.awaitDropped("0.0.0.0 is an address to listen on", ":: is an address to listen on", "network udp carries no requests")
	c.wantOnlyBackends()
}

// register writes the address as the value of a key.
func (e *etcdRegistry) register(address string) {
	e.t.Helper()
	e.write(address, address)
}

// write writes the value of a key below the prefix.
func (e *etcdRegistry) write(key, value string) {
	e.t.Helper()
	if _, err := e.client.Put(e.t.Context(), etcdPrefix+key, value); err != nil {
		e.t.Fatal(err)
	}
}

// register registers an instance at the agent, as a service of its machine does. A unix socket has
// no port, but Consul demands one.
func (c *consulRegistry) register(address string) {
	c.t.Helper()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		host, port = address, "80"
	}
	c.registerInstance(object{"ID": address, "Name": "web", "Address": host, "Port": number(c.t, port)})
}

func number(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// registerInstance registers an instance with the fields of Consul's agent API.
func (c *consulRegistry) registerInstance(instance object) {
	c.t.Helper()
	if err := send(http.DefaultClient, http.MethodPut, "http://"+c.Address+"/v1/agent/service/register", instance); err != nil {
		c.t.Fatal(err)
	}
}
