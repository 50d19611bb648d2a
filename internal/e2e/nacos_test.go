package e2e

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/nacos-group/nacos-sdk-go/v2/clients"
	"github.com/nacos-group/nacos-sdk-go/v2/clients/naming_client"
	"github.com/nacos-group/nacos-sdk-go/v2/common/constant"
	"github.com/nacos-group/nacos-sdk-go/v2/vo"

	_ "github.com/caddy-balance/caddy-balance/discovery/nacos"
	"github.com/caddy-balance/caddy-balance/internal/e2e/servers"
)

// nacosRegistry registers endpoints through the official SDK. Each has a client of its own, as
// services do. The server is Polaris, which speaks the protocol of Nacos. It loses some
// deregistrations, so it does not run through the scenarios, which would only find its faults.
type nacosRegistry struct {
	t *testing.T
	*servers.Polaris
	clients map[string]naming_client.INamingClient // by address
}

func startNacos(t *testing.T) *nacosRegistry {
	t.Helper()
	return &nacosRegistry{t: t, Polaris: servers.StartPolaris(t), clients: map[string]naming_client.INamingClient{}}
}

func (n *nacosRegistry) source() string {
	return fmt.Sprintf("nacos web {\nservers 127.0.0.1:%d\n}", n.Port)
}

func (n *nacosRegistry) put(entries ...entry) {
	n.t.Helper()
	for _, e := range entries {
		address := netip.MustParseAddrPort(e.address)
		// The success flag that the SDK returns is ignored, because the server does not always set
		// it.
		_, err := n.client(e).RegisterInstance(vo.RegisterInstanceParam{
			ServiceName: "web", Ip: address.Addr().String(), Port: uint64(address.Port()),
			Weight: float64(e.weight), Enable: !e.draining, Healthy: true, Ephemeral: true,
		})
		if err != nil {
			n.t.Fatalf("registering %s: %v", e.address, err)
		}
	}
}

// remove is unreliable, as described above.
func (n *nacosRegistry) remove(entries ...entry) {
	n.t.Helper()
	for _, e := range entries {
		address := netip.MustParseAddrPort(e.address)
		_, err := n.client(e).DeregisterInstance(vo.DeregisterInstanceParam{
			ServiceName: "web", Ip: address.Addr().String(), Port: uint64(address.Port()), Ephemeral: true,
		})
		if err != nil {
			n.t.Fatalf("deregistering %s: %v", e.address, err)
		}
	}
}

// client returns the client of one instance.
func (n *nacosRegistry) client(e entry) naming_client.INamingClient {
	n.t.Helper()
	if c := n.clients[e.address]; c != nil {
		return c
	}
	files := n.t.TempDir()
	c, err := clients.NewNamingClient(vo.NacosClientParam{
		ClientConfig: &constant.ClientConfig{
			TimeoutMs: 5000, NotLoadCacheAtStart: true, LogDir: files, CacheDir: files, LogLevel: "error",
		},
		ServerConfigs: []constant.ServerConfig{{IpAddr: "127.0.0.1", Port: n.Port}},
	})
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(c.CloseClient)
	n.clients[e.address] = c
	return c
}

func TestNacosInstancesAreFollowed(t *testing.T) {
	r := startNacos(t)
	c := startTestbed(t, r)
	b2 := c.backends[2]
	r.put(entry{address: b2.address, weight: 3})
	c.expect(each(c.backends...).but(b2, 3))
	c.join("b3")
	c.expect(each(c.backends...).but(b2, 3))
	c.finish()
}

// The SDK registers its instances again when the server is back.
func TestNacosMayStopAndComeBack(t *testing.T) {
	r := startNacos(t)
	c := startTestbed(t, r)
	r.Kill()
	awaitFailures(t, 3)
	c.expect(each(c.backends...))
	r.Restart()
	c.join("b3")
	c.expect(each(c.backends...))
	c.finish()
}
