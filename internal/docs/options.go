package docs

import (
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

const ourPackages = "github.com/caddy-balance/caddy-balance/"

// options are the names under which the settings of a module are written.
type options struct {
	arguments []string // in a Caddyfile, by position
	block     []string // in a Caddyfile, in braces
	json      []string
}

// ourModules are the IDs of the modules that this project registers in the binary, by their names
// in pages.
func ourModules() map[string]string {
	all := make(map[string]string)
	for _, id := range caddy.Modules() {
		info, err := caddy.GetModule(id)
		if err != nil {
			continue
		}
		of := reflect.TypeOf(info.New())
		for of.Kind() == reflect.Pointer {
			of = of.Elem()
		}
		inside, ours := strings.CutPrefix(of.PkgPath(), ourPackages)
		if ours && !strings.HasPrefix(inside, "examples/") && !strings.HasSuffix(inside, "_test") {
			all[shortName(id)] = id
		}
	}
	return all
}

// shortName is what stands in a Caddyfile, such as `probe http`, `source dns` or `health`.
func shortName(id string) string {
	name := caddy.ModuleID(id).Name()
	switch caddy.ModuleID(id).Namespace() {
	case "http.reverse_proxy.upstreams.pool.sources":
		return "source " + name
	case "http.reverse_proxy.upstreams.pool.probes":
		return "probe " + name
	case "http.reverse_proxy.selection_policies":
		return "lb_policy " + name
	case "layer4.handlers":
		return "layer4 " + name
	}
	return name
}

// optionsOf asks the module itself: its Caddyfile parser by its errors, and its struct by its tags.
func optionsOf(t *testing.T, id string) options {
	t.Helper()
	info, err := caddy.GetModule(id)
	if err != nil {
		t.Fatal(err)
	}
	var o options
	o.json = fieldsOf(reflect.TypeOf(info.New()).Elem())
	if _, ok := info.New().(caddyfile.Unmarshaler); ok {
		o.arguments, o.block = askParser(t, info)
	}
	return o
}

func fieldsOf(of reflect.Type) []string {
	var names []string
	for i := range of.NumField() {
		field := of.Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case field.Anonymous && name == "" && field.Type.Kind() == reflect.Struct:
			names = append(names, fieldsOf(field.Type)...)
		case field.IsExported() && name != "" && name != "-":
			names = append(names, name)
		}
	}
	return names
}

var (
	missingValue = regexp.MustCompile(`^[\w.]+: (\w+): missing value`)
	wrongValue   = regexp.MustCompile(`^[\w.]+: (\w+): (?:'[^']*' is not|is missing)`)
	allOptions   = regexp.MustCompile(`unknown option '-'; expected (.*), at `)
)

// values are what required arguments are tried with.
var values = []string{"web", "srv", "http://localhost", "10.0.0.1:80", "1"}

// askParser finds the names of arguments and options in the errors for a module without arguments,
// with an empty one, and with an option that no module has.
func askParser(t *testing.T, info caddy.ModuleInfo) (arguments, block []string) {
	t.Helper()
	parse := func(text string) string {
		if err := info.New().(caddyfile.Unmarshaler).UnmarshalCaddyfile(caddyfile.NewTestDispenser(text)); err != nil {
			return err.Error()
		}
		return ""
	}
	text := info.ID.Name()
	for range 8 {
		missing := missingValue.FindStringSubmatch(parse(text))
		if missing == nil {
			break
		}
		arguments = append(arguments, missing[1])
		text = withValue(parse, text, missing[1])
	}
	if optional := wrongValue.FindStringSubmatch(parse(text + ` ""`)); optional != nil {
		arguments = append(arguments, optional[1])
	}
	if known := allOptions.FindStringSubmatch(parse(text + " {\n- x\n}")); known != nil {
		block = strings.Split(strings.ReplaceAll(known[1], " or ", ", "), ", ")
	}
	return arguments, block
}

func withValue(parse func(string) string, text, argument string) string {
	for _, value := range values {
		wrong := wrongValue.FindStringSubmatch(parse(text + " " + value))
		if wrong == nil || wrong[1] != argument {
			return text + " " + value
		}
	}
	return text
}

// modules are those of this binary that the page is about.
func (p *page) modules() (home []string) {
	for name := range ourModules() {
		if PageOf(name) == p.path {
			home = append(home, name)
		}
	}
	slices.Sort(home)
	return home
}

// PageOf is where a module is documented, empty if nowhere.
func PageOf(module string) string {
	kind, name, _ := strings.Cut(module, " ")
	switch kind {
	case "source":
		return "docs/sources/" + name + ".md"
	case "lb_policy":
		return "docs/policies/" + name + ".md"
	case "probe":
		if name == "postgres" || name == "mysql" {
			return "docs/database-probes.md"
		}
		return "docs/health.md"
	case "pool", "health", "outlier", "layer4":
		return "docs/" + kind + ".md"
	case "pool_status":
		return "docs/status-page.md"
	}
	return ""
}
