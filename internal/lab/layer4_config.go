package main

import (
	"fmt"
	"runtime"
	"strings"
)

// The configs for layer 4 have one server each that passes all connections on.

func connectionPoolConfig(listen, method string, backends []string) string {
	return layer4Caddyfile(listen, fmt.Sprintf(`pool lab {
				source static %s
				policy %s
			}`, strings.Join(backends, " "), method))
}

func connectionProxyConfig(listen, method string, backends []string) string {
	return layer4Caddyfile(listen, fmt.Sprintf(`proxy {
				upstream %s
				lb_policy %s
			}`, strings.Join(backends, "\n\t\t\t\tupstream "), method))
}

func layer4Caddyfile(listen, handler string) string {
	return fmt.Sprintf(`{
	admin off
	persist_config off
	log {
		level ERROR
	}
	layer4 {
		%s {
			route {
				%s
			}
		}
	}
}
`, listen, handler)
}

// haproxyConnectionConfig has as many threads as Caddy has, which is HAProxy's default on most
// machines.
func haproxyConnectionConfig(listen, method string, backends []string) string {
	servers := ""
	for i, b := range backends {
		servers += fmt.Sprintf("\tserver b%d %s\n", i, b)
	}
	method, splice := strings.CutSuffix(method, " splice")
	if splice {
		servers = "\toption splice-auto\n" + servers
	}
	return fmt.Sprintf(`global
	nbthread %d
defaults
	mode tcp
	timeout connect 5s
	timeout client 60s
	timeout server 60s
listen lab
	bind %s
	balance %s
%s`, runtime.NumCPU(), listen, method, servers)
}

func bareConfig(listen, _ string, backends []string) string {
	return listen + "\n" + strings.Join(backends, "\n") + "\n"
}
