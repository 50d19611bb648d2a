package main

import (
	"fmt"
	"strings"
)

// The configs are as short as they can be, so that each proxy runs with its defaults. They keep
// connections to backends open, as all but NGINX 1.22 do by default.

func poolConfig(listen, method string, backends []string) string {
	return caddyfile(listen, fmt.Sprintf(`dynamic pool lab {
			source static %s
		}
		lb_policy %s`, strings.Join(backends, " "), method))
}

func caddyConfig(listen, method string, backends []string) string {
	return caddyfile(listen, fmt.Sprintf(`to %s
		lb_policy %s`, strings.Join(backends, " "), method))
}

func caddyfile(listen, balancing string) string {
	host, port, _ := strings.Cut(listen, ":")
	return fmt.Sprintf(`{
	admin off
	auto_https off
	persist_config off
	log {
		level ERROR
	}
}
http://:%s {
	bind %s
	reverse_proxy {
		%s
	}
}
`, port, host, balancing)
}

// haproxyConfig has timeouts because HAProxy warns without them. They are longer than the deadlines
// of the clients.
func haproxyConfig(listen, method string, backends []string) string {
	servers := ""
	for i, b := range backends {
		servers += fmt.Sprintf("\tserver b%d %s\n", i, b)
	}
	return fmt.Sprintf(`defaults
	mode http
	timeout connect 5s
	timeout client 60s
	timeout server 60s
frontend lab
	bind %s
	default_backend lab
backend lab
	balance %s
%s`, listen, method, servers)
}

// nginxConfig has a zone, because the workers would count connections apart without it.
func nginxConfig(listen, method string, backends []string) string {
	servers := ""
	for _, b := range backends {
		servers += fmt.Sprintf("\t\tserver %s;\n", b)
	}
	return fmt.Sprintf(`daemon off;
worker_processes auto;
pid nginx.pid;
error_log stderr error;
events {
	worker_connections 4096;
}
http {
	access_log off;
	client_body_temp_path body;
	proxy_temp_path proxy;
	fastcgi_temp_path fastcgi;
	uwsgi_temp_path uwsgi;
	scgi_temp_path scgi;
	upstream lab {
		zone lab 256k;
		%s;
%s		keepalive 64;
	}
	server {
		listen %s;
		location / {
			proxy_pass http://lab;
			proxy_http_version 1.1;
			proxy_set_header Connection "";
		}
	}
}
`, method, servers, listen)
}
