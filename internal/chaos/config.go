package main

import (
	"fmt"
	"strings"
)

// entry is an endpoint of a list.
type entry struct {
	Address     string `json:"address"`
	MaxRequests int    `json:"max_requests,omitempty"`
	Draining    bool   `json:"draining,omitempty"`
}

// config returns the Caddyfile of a trial. Both proxies have the same checks, retries and time
// limits. Connections are kept for a short time, so that those that are idle soon end and can be
// told from those that are lost.
func (t *trial) config() string {
	p := t.proxy
	return fmt.Sprintf(`{
	admin unix/%s
	auto_https off
	persist_config off
	skip_install_trust
	grace_period %s
	storage %s %s
	log {
		exclude admin.api http.log.error http.handlers.reverse_proxy
	}
}
(balanced) {
	bind unix/%s
	reverse_proxy {
%s		lb_retries 3
		stream_close_delay 1h
		transport http {
			dial_timeout 2s
			response_header_timeout 2s
			keepalive 2s
			keepalive_idle_conns_per_host 1000
		}
	}
	handle_errors {
		respond "{err.message}" {err.status_code}
	}
}
%s`, p.admin(), graceTime, t.storage, p.storage(), p.site(), t.balancing(), t.sites())
}

func (t *trial) sites() string {
	text := ""
	for _, host := range t.hosts {
		text += fmt.Sprintf("http://%s {\n\timport balanced\n}\n", host)
	}
	return text
}

func (t *trial) balancing() string {
	if t.pool {
		return t.poolBalancing()
	}
	return t.stockBalancing()
}

func (t *trial) poolBalancing() string {
	health := ""
	if t.checks > 0 {
		health = fmt.Sprintf("health {\nprobe http /health\ninterval %s\n}", t.checks)
	}
	return fmt.Sprintf(`dynamic pool web {
		source %s
		%s
		%s
	}
	lb_policy adaptive_latency
	`, t.source(), health, t.poolOptions)
}

func (t *trial) stockBalancing() string {
	var to strings.Builder
	limit := 0
	for _, e := range t.list {
		limit = e.MaxRequests
		if !e.Draining {
			to.WriteString(" " + e.Address)
		}
	}
	checks := ""
	if t.checks > 0 {
		checks = fmt.Sprintf("health_uri /health\nhealth_interval %s\nhealth_timeout 2s\n", t.checks)
	}
	if limit > 0 {
		checks += fmt.Sprintf("unhealthy_request_count %d\n", limit)
	}
	return fmt.Sprintf("to%s\nlb_policy least_conn\nfail_duration 3s\n%s", to.String(), checks)
}
