package etcd

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	caddytext "github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
)

func TestInvalidSettingsAreRefused(t *testing.T) {
	t.Setenv("ETCD_SECRET", "hunter2")
	tls := new(reverseproxy.TLSConfig)
	one := []string{"10.0.0.1:2379"}
	for want, s := range map[string]Source{
		"prefix: is empty":                      {Endpoints: one},
		"prefix: ":                              {Prefix: "{env.CADDY_BALANCE_NONE}", Endpoints: one},
		"endpoints: none given":                 {Prefix: "web"},
		"timeout: -1ns is less than 1":          {Prefix: "web", Endpoints: one, Timeout: -1},
		`format: "Kitex" is not known`:          {Prefix: "web", Endpoints: one, Format: "Kitex"},
		"scheme: evaluated":                     {Prefix: "web", Endpoints: one, Scheme: "{env.CADDY_BALANCE_NONE}"},
		"password: is missing":                  {Prefix: "web", Endpoints: one, Username: "caddy"},
		"username: is missing":                  {Prefix: "web", Endpoints: one, Password: "{env.ETCD_SECRET}"},
		"password: ":                            {Prefix: "web", Endpoints: one, Username: "caddy", Password: "{env.CADDY_BALANCE_NONE}"},
		"endpoint 1: evaluated":                 {Prefix: "web", Endpoints: []string{"{env.CADDY_BALANCE_NONE}"}},
		`endpoint 1: expected http://`:          {Prefix: "web", Endpoints: []string{""}},
		`endpoint 2: expected`:                  {Prefix: "web", Endpoints: []string{"10.0.0.1:2379", "10.0.0.1"}},
		`endpoint 1: expected http:// or`:       {Prefix: "web", Endpoints: []string{"10.0.0.1:"}},
		`endpoint 1: expected http:// or h`:     {Prefix: "web", Endpoints: []string{"http://:2379"}},
		`endpoint 1: expected http:// or ht`:    {Prefix: "web", Endpoints: []string{"ftp://a:1"}},
		`endpoint 1: expected http:// or htt`:   {Prefix: "web", Endpoints: []string{"http://a:1/v3"}},
		`endpoint 1: expected http:// or http`:  {Prefix: "web", Endpoints: []string{"{env.ETCD_SECRET}"}},
		`endpoint 1: expected http:// or https`: {Prefix: "web", Endpoints: []string{"https://{env.ETCD_SECRET}@a:1"}},
		`endpoint 1: has no `:                   {Prefix: "web", Endpoints: []string{"http://a:1"}, TLS: tls},
		`endpoint 2: is http, unlik`:            {Prefix: "web", Endpoints: []string{"https://a:1", "b:1"}},
	} {
		err := s.Provision(caddy.Context{Context: context.Background()})
		if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

func TestEndpointsGetTheSchemeOfTheSettings(t *testing.T) {
	t.Setenv("ETCD_HOST", "10.0.0.1")
	for text, want := range map[string][]string{
		"etcd web {\nendpoints {env.ETCD_HOST}:1 http://b:2/\n}":        {"http://10.0.0.1:1", "http://b:2"},
		"etcd web {\nendpoints https://a:1 https://b:2\n}":              {"https://a:1", "https://b:2"},
		"etcd web {\nendpoints a:1 https://[::1]:2\ntls\n}":             {"https://a:1", "https://[::1]:2"},
		"etcd web {\ntls_server_name etcd.internal\nendpoints a:1 b:2}": nil,
		"etcd web {\ntls_server_name etcd.internal\nendpoints a:1 b:2\n}": {
			"https://a:1", "https://b:2"},
	} {
		s := new(Source)
		err := s.UnmarshalCaddyfile(caddytext.NewTestDispenser(text))
		if err == nil {
			err = s.Provision(caddy.Context{Context: context.Background()})
		}
		if !slices.Equal(s.endpoints, want) || (err == nil) != (want != nil) || s.tls == nil && strings.Contains(text, "tls") && want != nil {
			t.Errorf("%q: got %q, %v; want %q", text, s.endpoints, err, want)
		}
	}
}
