package traffic

import (
	"fmt"
	"testing"
)

func TestClientsWithoutCookiesStayByTheirNetworkBehindATrustedProxy(t *testing.T) {
	fleet := startBackends(t, 3)
	policy := "lb_policy sticky {\nclient_ip {\nipv4_prefix 24\n}\npolicy weighted_random\n}"
	trust := func(config map[string]any) {
		for _, s := range config["apps"].(map[string]any)["http"].(map[string]any)["servers"].(map[string]any) {
			s.(map[string]any)["trusted_proxies_unix"] = true
		}
	}
	for name, site := range map[string]string{
		"pool":   poolWith(staticEndpoints(fleet, "", "", ""), policy),
		"static": fmt.Sprintf("reverse_proxy %s {\n%s\n}", fleet, policy),
	} {
		t.Run(name, func(t *testing.T) {
			p := startProxy(t, site)
			load := func() {
				if err := p.Reload(p.adapted(trust, site)); err != nil {
					t.Fatal(err)
				}
				p.awaitNewest(0)
			}
			load()
			at := make(map[int]string)
			visit := func(host int) {
				t.Helper()
				for network := range 30 {
					for _, address := range []string{
						fmt.Sprintf("198.51.%d.%d", network, host), fmt.Sprintf("2001:db8:0:%x::%x", network, host),
					} {
						a := expectOK(t)(p.client().get("/", "X-Forwarded-For", address))
						key := network
						if address[0] == '2' {
							key += 100
						}
						if at[key] == "" {
							at[key] = a.backend
						}
						if a.backend != at[key] || len(a.header["Set-Cookie"]) > 0 {
							t.Errorf("%s is at %s instead of %s, with cookies %q", address, a.backend, at[key], a.header["Set-Cookie"])
						}
					}
				}
			}
			visit(1)
			visit(2)
			load()
			visit(3)
		})
	}
}
