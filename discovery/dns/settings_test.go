package dns

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
)

func TestSettingsThatMakeNoSenseAreErrors(t *testing.T) {
	for want, s := range map[string]Source{
		`type: "" is not srv or a`:                      {Name: "web.test"},
		"name: is missing":                              {Type: "srv"},
		"name: 10.0.0.1 is an address":                  {Type: "a", Name: "10.0.0.1", Port: 80},
		`name: "a..b" is not a domain name`:             {Type: "srv", Name: "a..b"},
		"name: evaluated placeholder {env.NO_SUCH_}":    {Type: "srv", Name: "{env.NO_SUCH_}"},
		"port: is given":                                {Type: "srv", Name: "web.test", Port: 80},
		"port: 0 is not between":                        {Type: "a", Name: "web.test"},
		"port: 65536 is not between":                    {Type: "a", Name: "web.test", Port: 65536},
		"keep_names: is for the targets":                {Type: "a", Name: "web.test", Port: 80, KeepNames: true},
		`ip: "v4" is not auto, ipv4, ipv6 or both`:      {Type: "srv", Name: "web.test", IP: "v4"},
		"min_refresh: -1s is less than ":                {Type: "srv", Name: "web.test", MinRefresh: -1e9},
		"max_refresh: 10s is less than min_refresh, 1m": {Type: "srv", Name: "web.test", MinRefresh: 60e9, MaxRefresh: 10e9},
		"timeout: -1s is less than 1ms":                 {Type: "srv", Name: "web.test", Timeout: -1e9},
		`resolvers: "" is not an address`:               {Type: "srv", Name: "web.test", Resolvers: []string{""}},
		`resolvers: "tcp/10.0.0.1:53" is not`:           {Type: "srv", Name: "web.test", Resolvers: []string{"10.0.0.1", "tcp/10.0.0.1:53"}},
		`resolvers: "10.0.0.1:0" is not`:                {Type: "srv", Name: "web.test", Resolvers: []string{"10.0.0.1:0"}},
		`resolvers: "10.0.0.1:53-54" is not`:            {Type: "srv", Name: "web.test", Resolvers: []string{"10.0.0.1:53-54"}},
		`resolvers: "unix//run/dns" is not`:             {Type: "srv", Name: "web.test", Resolvers: []string{"unix//run/dns"}},
	} {
		if err := s.Provision(caddy.Context{}); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v; want %s", err, want)
		}
	}
}

func TestResolversHavePort53UnlessTheyNameAnother(t *testing.T) {
	t.Setenv("CADDY_BALANCE_RESOLVER", "10.0.0.3:8600")
	s := Source{Type: "srv", Name: "web.test", Resolvers: []string{"10.0.0.1", "::1", "[::1]:54", "ns.test", "{env.CADDY_BALANCE_RESOLVER}"}}
	if err := s.Provision(caddy.Context{}); err != nil {
		t.Fatal(err)
	}
	if want := []string{"10.0.0.1:53", "[::1]:53", "[::1]:54", "ns.test:53", "10.0.0.3:8600"}; !slices.Equal(s.resolvers, want) {
		t.Errorf("got %q; want %q", s.resolvers, want)
	}
}

func TestSearchDomainsAreTriedAsTheSystemDoes(t *testing.T) {
	conf := "nameserver 10.0.0.53\nnameserver ::1\nsearch ns.svc.test svc.test " + strings.Repeat("toolong.", 32) + "\noptions ndots:2\n"
	for name, want := range map[string][]string{
		"web":         {"web.ns.svc.test.", "web.svc.test.", "web."},
		"web.":        {"web."},
		"web.ns":      {"web.ns.ns.svc.test.", "web.ns.svc.test.", "web.ns."},
		"a.web.ns":    {"a.web.ns.", "a.web.ns.ns.svc.test.", "a.web.ns.svc.test."},
		"a.web.test.": {"a.web.test."},
	} {
		names, resolvers, err := resolving(t, Source{Type: "srv", Name: name}, conf)
		if err != nil || !slices.Equal(names, want) || !slices.Equal(resolvers, []string{"10.0.0.53:53", "[::1]:53"}) {
			t.Errorf("%s: got %q at %q, %v; want %q", name, names, resolvers, err, want)
		}
	}
}

func TestSearchDomainsBelongToTheResolversBesideThem(t *testing.T) {
	names, resolvers, err := resolving(t, Source{Type: "srv", Name: "web", Resolvers: []string{"10.0.0.1"}}, "search svc.test\n")
	if err != nil || !slices.Equal(names, []string{"web."}) || !slices.Equal(resolvers, []string{"10.0.0.1:53"}) {
		t.Errorf("got %q at %q, %v", names, resolvers, err)
	}
}

func TestWithoutAnyResolverTheErrorNamesTheOption(t *testing.T) {
	if _, _, err := resolving(t, Source{Type: "srv", Name: "web"}, "search svc.test\n"); err == nil || !strings.HasSuffix(err.Error(), "names no resolver; name one with the option resolvers") {
		t.Errorf("got %v", err)
	}
	if _, _, err := new(Source).names(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func resolving(t *testing.T, s Source, conf string) (names, resolvers []string, err error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "resolv.conf")
	if err := os.WriteFile(path, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Provision(caddy.Context{}); err != nil {
		t.Fatal(err)
	}
	return s.names(path)
}

func TestTheTTLSetsTheNextLookUpWithinBounds(t *testing.T) {
	s := Source{MinRefresh: 2e9, MaxRefresh: 60e9}
	for ttl, want := range map[uint32]time.Duration{
		0:         2 * time.Second,
		1:         2 * time.Second,
		30:        30 * time.Second,
		61:        time.Minute,
		1<<32 - 1: time.Minute,
	} {
		for range 100 {
			if got := s.refreshAfter(ttl); got < want || got > want+want/10 {
				t.Errorf("a TTL of %d s: waits %s; want %s and a tenth at most", ttl, got, want)
			}
		}
	}
}
