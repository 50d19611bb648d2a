package egress

import (
	"encoding/json"
	"testing"

	"github.com/caddyserver/caddy/v2"
)

// listenersOf provisions a config, as Caddy does, and returns its listeners.
func listenersOf(t *testing.T, config string) Listeners {
	t.Helper()
	var c caddy.Config
	if err := json.Unmarshal([]byte(config), &c); err != nil {
		t.Fatal(err)
	}
	ctx, err := caddy.ProvisionContext(&c)
	if err != nil {
		t.Fatal(err)
	}
	return ListenersOf(ctx)
}

// If this fails after an upgrade of Caddy, adminAddresses has to read another field.
func TestTheAdminEndpointsAreThoseOfTheConfig(t *testing.T) {
	t.Setenv("ADMIN", "127.0.0.1:2345")
	for config, want := range map[string][]string{
		`{}`:                                   {"localhost:2019"},
		`{"admin": {}}`:                        {"localhost:2019"},
		`{"admin": {"listen": ":2020"}}`:       {"127.0.0.1:2020", "[::1]:2020"},
		`{"admin": {"listen": "{env.ADMIN}"}}`: {"127.0.0.1:2345"},
		`{"admin": {"listen": "caddy.internal:2020"}}`:           {"127.0.0.1:2020", "caddy.internal:2020"},
		`{"admin": {"remote": {}}}`:                              {"localhost:2019", "127.0.0.1:2021"},
		`{"admin": {"remote": {"listen": "127.0.0.1:2022"}}}`:    {"localhost:2019", "127.0.0.1:2022"},
		`{"admin": {"disabled": true, "remote": {}}}`:            {"127.0.0.1:2021"},
		`{"admin": {"listen": "unix//run/caddy/admin.sock|66"}}`: nil,
		`{"admin": {"disabled": true}}`:                          nil,
	} {
		r, err := New([]string{"unix"}, nil, listenersOf(t, config))
		if err != nil {
			t.Fatal(err)
		}
		for _, address := range want {
			wantCheck(t, r, address, "is the admin endpoint of this Caddy")
		}
		if len(want) == 0 {
			wantCheck(t, r, "localhost:2019", "")
		}
	}
	r, err := New([]string{"unix"}, nil, listenersOf(t, `{"admin": {"listen": "unix//run/caddy/admin.sock|0222"}}`))
	if err != nil {
		t.Fatal(err)
	}
	wantCheck(t, r, "unix//run/caddy/admin.sock", "is the admin endpoint of this Caddy")
}

func TestTheSitesAreThoseOfTheConfig(t *testing.T) {
	t.Setenv("PORT", "8081")
	r, err := New([]string{"unix"}, nil, listenersOf(t, `{"admin": {"disabled": true}, "apps": {"http": {"servers": {
		"a": {"listen": [":8080", "unix//run/a.sock"]},
		"b": {"listen": ["127.0.0.1:{env.PORT}", "udp/:8082"]},
		"c": {"listen": [":8443"], "routes": [{"match": [{"host": ["a.test"]}]}]}}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{"127.0.0.1:8080", "127.0.0.1:8081", "127.0.0.1:8443", "unix//run/a.sock"} {
		wantCheck(t, r, address, "is a listener of this Caddy")
	}
	for _, address := range []string{"127.0.0.1:8082", "127.0.0.2:8081", "unix//run/b.sock"} {
		wantCheck(t, r, address, "")
	}
}

func TestTwoConfigsWithTheSameListenersAreEqual(t *testing.T) {
	const one, reordered = `{"apps": {"http": {"servers": {"a": {"listen": [":1", ":2"]}, "b": {"listen": [":3"]}}}}}`,
		`{"apps": {"http": {"servers": {"x": {"listen": [":3", ":2"]}, "y": {"listen": [":1"]}}}}}`
	const other, admin = `{"apps": {"http": {"servers": {"a": {"listen": [":1", ":2"]}}}}}`,
		`{"admin": {"listen": ":9"}, "apps": {"http": {"servers": {"a": {"listen": [":1", ":2"]}, "b": {"listen": [":3"]}}}}}`
	rules := func(config string) *Rules {
		r, err := New(nil, nil, listenersOf(t, config))
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	for config, want := range map[string]bool{one: true, reordered: true, other: false, admin: false} {
		if got := rules(one).SameListeners(rules(config)); got != want {
			t.Errorf("%s: got %v", config, got)
		}
	}
}
