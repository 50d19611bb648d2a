package nacos

import (
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
)

func TestAServerIsAHostAndAPort(t *testing.T) {
	for text, want := range map[string]server{
		"10.0.0.1:8848": {"10.0.0.1:8848", "10.0.0.1:9848"},
		"nacos":         {"nacos:8848", "nacos:9848"},
		"[fd00::1]:80":  {"[fd00::1]:80", "[fd00::1]:1080"},
		"fd00::1":       {"[fd00::1]:8848", "[fd00::1]:9848"},
	} {
		if got, err := serverAt(text); got != want || err != nil {
			t.Errorf("%s: got %v, %v; want %v", text, got, err, want)
		}
	}
}

func TestInvalidSettingsAreRefused(t *testing.T) {
	for want, s := range map[string]*Source{
		"service: is missing":                                               {},
		"username, password: only one is given":                             {Service: "web", Username: "caddy"},
		`servers: one is not a host and port`:                               {Service: "web", Servers: []string{"http://nacos:8848"}},
		`servers: one is not a`:                                             {Service: "web", Servers: []string{"nacos:64600"}},
		`servers: one is not a h`:                                           {Service: "web", Servers: []string{"nacos:0"}},
		`servers: one is not a ho`:                                          {Service: "web", Servers: []string{""}},
		`servers: one is not a hos`:                                         {Service: "web", Servers: []string{"u:p@nacos"}},
		"password: evaluated placeholder {env.CADDY_BALANCE_NONE} is empty": {Service: "web", Username: "u", Password: "{env.CADDY_BALANCE_NONE}"},
		"clusters: unrecognized placeholder {http.request.host}":            {Service: "web", Clusters: []string{"{http.request.host}"}},
	} {
		ctx, cancel := caddy.NewContext(caddy.Context{Context: t.Context()})
		err := s.Provision(ctx)
		cancel()
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v; want %s", err, want)
		}
	}
}
