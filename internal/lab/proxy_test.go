package main

import (
	"os"
	"strings"
	"testing"
)

func TestConfigsNameTheAddressTheMethodAndEveryBackend(t *testing.T) {
	for name, p := range programs {
		config := p.config("127.0.0.1:12345", "some_method", []string{"127.0.0.1:1", "127.0.0.1:2"})
		for _, want := range []string{"12345", "127.0.0.1", "some_method", "127.0.0.1:1", "127.0.0.1:2"} {
			if !strings.Contains(config, want) {
				t.Errorf("%s: %s is missing in\n%s", name, want, config)
			}
		}
	}
}

func TestMissingProxyIsLeftOutWithANote(t *testing.T) {
	programs := map[string]*program{"a": {title: "A", binary: "no-such-proxy-a"}, "b": {title: "B", binary: "no-such-proxy-b"}}
	o := &options{
		proxies:  []proxy{{programs["a"], "x"}, {programs["b"], "y"}},
		binaries: map[string]string{"no-such-proxy-b": os.Args[0]},
	}
	programs["b"].version = []string{"-test.run=^$"}
	var notes strings.Builder
	found, err := install(t.Context(), o, t.TempDir(), &notes)
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 1 || found[0].title != "B" {
		t.Errorf("found %v", found)
	}
	if !strings.Contains(notes.String(), "A `x` is left out") || !strings.Contains(notes.String(), "-no-such-proxy-a") {
		t.Errorf("notes: %s", &notes)
	}
}

func TestNamedBinaryMustExist(t *testing.T) {
	o := &options{proxies: []proxy{{programs["nginx"], "least_conn"}}, binaries: map[string]string{"nginx": "/no/such/nginx"}}
	_, err := install(t.Context(), o, t.TempDir(), t.Output())
	if err == nil || !strings.Contains(err.Error(), "-nginx: ") || !strings.Contains(err.Error(), "/no/such/nginx") {
		t.Errorf("%v", err)
	}
}

func TestNoProxyAtAllIsAnError(t *testing.T) {
	o := &options{proxies: []proxy{{&program{binary: "no-such-proxy"}, "x"}}}
	if _, err := install(t.Context(), o, t.TempDir(), t.Output()); err == nil {
		t.Error("no error")
	}
}
