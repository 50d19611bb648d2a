package balance

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/caddy-balance/caddy-balance/"

// rooms are the folders of this module that hold code, and what of this module their code may
// import, tests left aside. A folder that is not here, or is here and has gone, fails the test.
// "x/..." allows x and all below it.
var rooms = map[string][]string{
	"": {"discovery/...", "healthprobe/...", "lbpolicy", "internal/status"},

	"discovery":           {"internal/listing"},
	"discovery/pool":      {"caddyfile", "discovery", "internal/attempt", "internal/endpoint", "internal/listing", "internal/signal"},
	"discovery/dns":       {"caddyfile", "discovery", "internal/listing"},
	"discovery/file":      {"caddyfile", "discovery", "internal/listing"},
	"discovery/http":      {"caddyfile", "discovery", "internal/listing"},
	"discovery/registry":  {"caddyfile", "discovery", "internal/listing"},
	"discovery/static":    {"caddyfile", "discovery", "internal/listing"},
	"discovery/upstreams": {"caddyfile", "discovery", "internal/listing"},

	"healthprobe":         {"caddyfile", "internal/endpoint", "internal/httpstatus", "internal/listing", "internal/load", "internal/signal"},
	"healthprobe/outlier": {"caddyfile", "internal/endpoint", "internal/httpstatus", "internal/load", "internal/signal"},

	"lbpolicy": {"caddyfile", "internal/attempt", "internal/endpoint", "internal/listing", "internal/load"},

	"caddyfile":           {},
	"internal/attempt":    {"internal/endpoint", "internal/load"},
	"internal/endpoint":   {"internal/listing", "internal/load", "internal/signal"},
	"internal/httpstatus": {},
	"internal/listing":    {},
	"internal/load":       {},
	"internal/signal":     {},
	"internal/status":     {"discovery/registry", "internal/listing"},

	// Proof.
	"internal/endpointtest": {"internal/endpoint", "internal/listing"},
	"internal/golden":       {},
	"internal/simulation":   {"..."},
	"internal/sourcetest":   {"discovery", "internal/listing"},
	"internal/traffic":      {"..."},

	"examples/quickstart":       {"", "examples/quickstart/delay"},
	"examples/quickstart/delay": {"caddyfile"},
}

// knowers are the only folders whose code imports a package of the host's.
var knowers = map[string][]string{
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy": {
		"caddyfile", "discovery/http", "discovery/pool", "discovery/upstreams", "healthprobe", "internal/attempt", "lbpolicy",
	},
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile": {"caddyfile"},
}

func TestEachRoomImportsOnlyWhatItMay(t *testing.T) {
	found := packages(t)
	for room, may := range rooms {
		imports, ok := found[room]
		if !ok {
			t.Errorf("%q is missing", room)
		}
		for _, imported := range imports {
			if own, ok := strings.CutPrefix(imported+"/", module); ok && !allows(may, strings.TrimSuffix(own, "/")) {
				t.Errorf("%q imports %q", room, imported)
			}
		}
	}
	for room := range found {
		if _, ok := rooms[room]; !ok {
			t.Errorf("%q is in no rule", room)
		}
	}
}

func TestOnlySomeRoomsKnowTheHost(t *testing.T) {
	found := packages(t)
	for of, may := range knowers {
		var rooms []string
		for room, imports := range found {
			if slices.Contains(imports, of) {
				rooms = append(rooms, room)
			}
		}
		if slices.Sort(rooms); !slices.Equal(rooms, may) {
			t.Errorf("%s is imported by %q, not by %q", of, rooms, may)
		}
	}
}

func allows(may []string, imported string) bool {
	return slices.ContainsFunc(may, func(m string) bool {
		below, all := strings.CutSuffix(m, "...")
		return m == imported || all && strings.HasPrefix(imported+"/", below)
	})
}

// packages are the imports of each folder of this module, by its path from here.
func packages(t *testing.T) map[string][]string {
	t.Helper()
	list := exec.Command("go", "list", "-json=ImportPath,Imports", "./...")
	list.Stderr = t.Output()
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string][]string)
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath string
			Imports    []string
		}
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		found[strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, path.Clean(module)), "/")] = p.Imports
	}
}
