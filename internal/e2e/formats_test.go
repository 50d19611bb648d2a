package e2e

import (
	"fmt"
	"net"
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// registrations are what frameworks write for a backend, in a registry.
type registrations map[string]func(b *backend, weight int)

// The frameworks' own formats, as their registries for etcd write them.
func etcdRegistrations(e *etcdRegistry) registrations {
	return registrations{
		"kitex": func(b *backend, weight int) {
			e.write(b.address, fmt.Sprintf(
				`{"network":"tcp","address":%q,"weight":%d,"tags":{"zone":"eu-1a","version":"v7"}}`, b.address, weight))
		},
		"kratos": func(b *backend, weight int) {
			id := "6ba7b810-9dad-11d1-80b4-00c04fd43" + fmt.Sprintf("%03d", weight)
			e.write(id, fmt.Sprintf(
				`{"id":%q,"name":"web","version":"v7","metadata":{"weight":"%d","zone":"eu-1a"},"endpoints":["grpc://127.0.0.1:1","http://%s"]}`,
				id, weight, b.address))
		},
		"endpoint": func(b *backend, weight int) {
			e.write(b.address, fmt.Sprintf(`{"address":%q,"weight":%d,"zone":"eu-1a","metadata":{"version":"v7"}}`, b.address, weight))
		},
	}
}

// The calls that the frameworks' registries for Consul make.
func consulRegistrations(c *consulRegistry) registrations {
	instance := func(b *backend, more object) {
		host, port, _ := net.SplitHostPort(b.address)
		fields := object{"ID": "web-" + port, "Name": "web", "Address": host, "Port": number(c.t, port)}
		for key, value := range more {
			fields[key] = value
		}
		c.registerInstance(fields)
	}
	return registrations{
		"kitex": func(b *backend, weight int) {
			instance(b, object{
				"Tags": []string{"zone:eu-1a", "version:v7"}, "Weights": object{"Passing": weight, "Warning": weight},
			})
		},
		"kratos": func(b *backend, weight int) {
			_, port, _ := net.SplitHostPort(b.address)
			instance(b, object{
				"Tags": []string{"version=v7"}, "Meta": object{"weight": fmt.Sprint(weight), "zone": "eu-1a"},
				"TaggedAddresses": object{
					"http": object{"Address": "http://" + b.address, "Port": number(c.t, port)},
					"grpc": object{"Address": "grpc://127.0.0.1:1", "Port": 1},
				},
			})
		},
		"endpoint": func(b *backend, weight int) {
			instance(b, object{
				"Meta": object{"zone": "eu-1a", "version": "v7"}, "Weights": object{"Passing": weight, "Warning": weight},
			})
		},
	}
}

func TestEtcdHasTheFormatsOfFrameworks(t *testing.T) {
	runFormats(t, startEtcd, etcdRegistrations, func(e *etcdRegistry, format string) { e.options = "format " + format })
}

func TestConsulHasTheFormatsOfFrameworks(t *testing.T) {
	runFormats(t, startConsul, consulRegistrations, func(c *consulRegistry, format string) { c.options = "format " + format })
}

// runFormats registers two backends as each framework does. The format auto gets all of what it
// knows at once.
func runFormats[R server](
	t *testing.T, start func(t *testing.T) R, all func(R) registrations, choose func(r R, format string),
) {
	for format, writers := range map[string][2]string{
		"kitex": {"kitex", "kitex"}, "kratos": {"kratos", "kratos"}, "auto": {"kratos", "endpoint"},
	} {
		t.Run(format, func(t *testing.T) {
			r := start(t)
			choose(r, format)
			c := &testbed{t: t, registry: r, backends: startBackends(t, "b0", "b1"), proxy: startProxy(t, r)}
			for i, weight := range []int{10, 30} {
				all(r)[writers[i]](c.backends[i], weight)
			}
			eventually(t, "the backends are listed", func() bool { return source().Entries == 2 })
			c.load = startLoad(t, c.proxy)
			c.expect(shares{"b0": 1, "b1": 3})
			c.finish()
			for _, m := range endpoint.Current("web").Snapshot().Members {
				if m.Info.Zone != "eu-1a" || m.Info.Metadata["version"] != "v7" {
					t.Errorf("%s has %+v", m.Address(), m.Info)
				}
			}
		})
	}
}
