package layer4_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-balance/caddy-balance/discovery/pool"
	"github.com/caddy-balance/caddy-balance/layer4"
)

// TestOptionsForHTTPRequestsAreRefusedByTheirNames walks all options of a pool of reverse proxies.
// Here are only those that the handler has too.
func TestOptionsForHTTPRequestsAreRefusedByTheirNames(t *testing.T) {
	common := []string{
		"name", "sources", "initial_wait", "max_loss", "empty_grace", "removal_grace", "update_interval",
		"max_endpoints", "persist", "allow", "deny", "health", "outlier", "slow_start", "max_requests", "fail_open", "zone",
		"load_reports", "metrics", "close_on_unhealthy",
	}
	isCommon := make(map[string]bool)
	for _, name := range common {
		isCommon[name] = true
	}
	refused := 0
	for _, name := range namesOf(reflect.TypeFor[pool.Pool]()) {
		data := fmt.Appendf(nil, `{"name": "test", %q: null}`, name)
		err := caddy.StrictUnmarshalJSON(data, new(layer4.Pool))
		if isCommon[name] {
			if err != nil {
				t.Errorf("%s: %v", data, err)
			}
			continue
		}
		refused++
		wantError(t, string(data), err, name+": is for HTTP requests, not for connections")
		block := fmt.Sprintf("pool test {\n%s 1\n}", name)
		err = new(layer4.Pool).UnmarshalCaddyfile(caddyfile.NewTestDispenser(block))
		wantError(t, block, err, "unknown option '"+name+"'; expected source, ")
	}
	if refused < 7 {
		t.Errorf("only %d options are for HTTP requests", refused)
	}
}

func wantError(t *testing.T, config string, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%s: %v; want %s", config, err, want)
	}
}

// namesOf returns the names of the fields of a struct in JSON.
func namesOf(module reflect.Type) (names []string) {
	for _, f := range reflect.VisibleFields(module) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" {
			names = append(names, name)
		}
	}
	return names
}
