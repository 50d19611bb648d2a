package balance

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/caddy-balance/caddy-balance/"

// rooms are the folders of this module that hold code, and what of this module their code may
// import, tests left aside. A folder that is not here, or is here and has gone, fails the test.
// "x/..." allows x and all below it.
var rooms = map[string][]string{
	"": {"discovery/...", "healthprobe/...", "lbpolicy", "internal/command", "internal/status"},

	"discovery":           {"internal/count", "internal/listing", "internal/options"},
	"discovery/pool":      {"caddyfile", "discovery", "internal/attempt", "internal/bounded", "internal/definition", "internal/egress", "internal/endpoint", "internal/limit", "internal/metrics", "internal/options", "internal/recovered", "internal/signal", "internal/site"},
	"discovery/dns":       {"caddyfile", "discovery", "internal/listing", "internal/options", "internal/recovered"},
	"discovery/file":      {"caddyfile", "discovery", "internal/count", "internal/listing", "internal/options"},
	"discovery/http":      {"caddyfile", "discovery", "internal/clienttls", "internal/count", "internal/listing", "internal/options"},
	"discovery/registry":  {"caddyfile", "discovery", "internal/bounded", "internal/jsonlist", "internal/listing", "internal/options"},
	"discovery/static":    {"caddyfile", "discovery", "internal/listing", "internal/options"},
	"discovery/upstreams": {"caddyfile", "discovery", "internal/listing", "internal/options", "internal/recovered"},

	"healthprobe":         {"caddyfile", "internal/bounded", "internal/clienttls", "internal/count", "internal/definition", "internal/egress", "internal/endpoint", "internal/httpstatus", "internal/listing", "internal/load", "internal/options", "internal/recovered", "internal/signal"},
	"healthprobe/outlier": {"caddyfile", "internal/count", "internal/endpoint", "internal/httpstatus", "internal/load", "internal/signal", "internal/options"},

	"lbpolicy": {"caddyfile", "internal/attempt", "internal/count", "internal/endpoint", "internal/listing", "internal/load", "internal/metrics", "internal/options", "internal/recovered"},

	"caddyfile":           {},
	"internal/clienttls":  {},
	"internal/attempt":    {"internal/egress", "internal/endpoint", "internal/limit", "internal/load", "internal/loadreport", "internal/recovered", "internal/role"},
	"internal/bounded":    {"internal/recovered"},
	"internal/command":    {"internal/count", "internal/endpoint"},
	"internal/count":      {},
	"internal/definition": {},
	"internal/egress":     {"internal/listing"},
	"internal/endpoint":   {"internal/bounded", "internal/count", "internal/definition", "internal/egress", "internal/limit", "internal/listing", "internal/load", "internal/loadreport", "internal/recovered", "internal/signal"},
	"internal/format":     {"internal/listing"},
	"internal/httpstatus": {},
	"internal/jsonlist":   {"discovery"},
	"internal/limit":      {"internal/load"},
	"internal/listing":    {"internal/count"},
	"internal/load":       {},
	"internal/loadreport": {},
	"internal/metrics":    {"internal/endpoint", "internal/limit", "internal/load"},
	"internal/options":    {},
	"internal/recovered":  {},
	"internal/role":       {"internal/endpoint"},
	"internal/signal":     {},
	"internal/site":       {},
	"internal/status":     {"caddyfile", "discovery/registry", "internal/attempt", "internal/count", "internal/endpoint", "internal/limit", "internal/listing", "internal/load", "internal/options"},

	// Proof.
	"internal/arrivals":      {},
	"internal/caddytest":     {"internal/freeport"},
	"internal/chaos":         {"internal/arrivals", "internal/chaos/backend", "internal/commandline", "internal/figures", "internal/freeport", "internal/process"},
	"internal/chaos/backend": {},
	"internal/chaos/caddy":   {"", "caddyfile", "internal/endpoint"},
	"internal/commandline":   {},
	"internal/docs":          {"..."},
	"internal/endpointtest":  {"internal/endpoint", "internal/listing"},
	"internal/figures":       {},
	"internal/freeport":      {},
	"internal/golden":        {},
	"internal/lab":           {"internal/arrivals", "internal/commandline", "internal/figures", "internal/freeport", "internal/process"},
	"internal/lab/bare":      {},
	"internal/leaktest":      {},
	"internal/optionstest":   {"internal/golden"},
	"internal/outside":       {},
	"internal/process":       {},
	"internal/simulation":    {"..."},
	"internal/sourcetest":    {"discovery", "internal/listing"},
	"internal/traffic":       {"..."},

	"examples/chat/server":      {},
	"examples/egress/client":    {},
	"examples/quickstart":       {"", "examples/quickstart/delay"},
	"examples/quickstart/delay": {"caddyfile"},
}

// knowers are the only folders whose code imports a package of the host's.
var knowers = map[string][]string{
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy": {
		"caddyfile", "discovery/http", "discovery/pool", "discovery/upstreams", "healthprobe", "internal/attempt", "internal/clienttls",
		"lbpolicy",
	},
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile": {"caddyfile", "internal/caddytest", "internal/docs"},
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

// packages are the imports of each folder of this module, by its path from here. It reads the
// files itself: the test cache knows of files that a test reads, but not of what a command printed.
func packages(t *testing.T) map[string][]string {
	t.Helper()
	found := make(map[string][]string)
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			return skipped(path)
		case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		room := strings.TrimPrefix(filepath.ToSlash(filepath.Dir(path)), ".")
		for _, imported := range file.Imports {
			path, err := strconv.Unquote(imported.Path.Value)
			if err != nil {
				return err
			}
			found[room] = append(found[room], path)
		}
		found[room] = append(found[room], "")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// skipped passes over nested modules, and folders that the go command passes over too.
func skipped(folder string) error {
	base := filepath.Base(folder)
	hidden := base != "." && strings.HasPrefix(base, ".")
	if _, err := os.Stat(filepath.Join(folder, "go.mod")); hidden || base == "testdata" || folder != "." && err == nil {
		return fs.SkipDir
	}
	return nil
}
