package docs

import (
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
)

// documented are the names in the first cells of option tables.
type documented struct {
	caddyfile map[string]int // line of the table
	json      map[string]int
}

// checkOptions compares the option tables of the page with the modules of the binary. The page of a
// module has all of its options; other pages may repeat some.
func (p *page) checkOptions(t *testing.T) {
	t.Helper()
	modules := ourModules()
	home := p.modules()
	found := make(map[string]*documented)
	for _, table := range p.tables {
		owners, ok := p.owners(table)
		if !ok {
			continue
		}
		for _, owner := range owners {
			if modules[owner] == "" {
				t.Errorf("%s:%d: options of %s, which is no module of this binary", p.path, table.line, owner)
				continue
			}
			if found[owner] == nil {
				found[owner] = &documented{make(map[string]int), make(map[string]int)}
			}
			found[owner].add(t, p, table)
		}
	}
	for owner, d := range found {
		d.check(t, p, owner, ownOptions(t, modules, owner), slices.Contains(home, owner))
	}
	for _, module := range home {
		if o := optionsOf(t, modules[module]); found[module] == nil && len(o.block)+len(o.json) > 0 {
			t.Errorf("%s: no table of the options of %s", p.path, module)
		}
	}
}

// ofEach is an option of both pools that is not of what they have in common.
const ofEach = "close_on_unhealthy"

// inCommon returns whether an option is one of these, which another page has.
func inCommon(names []string) func(string) bool {
	return func(name string) bool { return name != ofEach && slices.Contains(names, name) }
}

// ownOptions are the options of a module that its page has. Those that the handler of layer 4 has
// in common with the pool of a reverse proxy are on the page of pools.
func ownOptions(t *testing.T, modules map[string]string, name string) options {
	t.Helper()
	o := optionsOf(t, modules[name])
	if name == "layer4 pool" {
		pool := optionsOf(t, modules["pool"])
		o.arguments = slices.DeleteFunc(o.arguments, inCommon(pool.arguments))
		o.block = slices.DeleteFunc(o.block, inCommon(pool.block))
		o.json = slices.DeleteFunc(o.json, inCommon(pool.json))
	}
	return o
}

// owners are the modules whose options a table has.
func (p *page) owners(table table) (owners []string, ok bool) {
	head := table.head[0]
	if head == "option" {
		for _, module := range p.modules() {
			if !strings.HasPrefix(module, "probe ") {
				owners = append(owners, module)
			}
		}
		return owners, len(owners) > 0
	}
	return quoted(head), strings.HasPrefix(head, "option of ")
}

var nameInCell = regexp.MustCompile(`^<?([a-z][a-z0-9_]*)`)

func (d *documented) add(t *testing.T, p *page, table table) {
	t.Helper()
	for _, row := range table.rows {
		caddy, json, differs := strings.Cut(row[0], "JSON")
		names := 0
		for _, text := range quoted(caddy) {
			if name := nameInCell.FindStringSubmatch(text); name != nil {
				d.caddyfile[name[1]] = table.line
				if !differs {
					d.json[name[1]] = table.line
				}
				names++
			}
		}
		for _, text := range quoted(json) {
			d.json[text] = table.line
			names++
		}
		if names == 0 {
			t.Errorf("%s:%d: a row of options without a name: %s", p.path, table.line, row[0])
		}
	}
}

func (d *documented) check(t *testing.T, p *page, owner string, o options, whole bool) {
	t.Helper()
	for name, line := range d.caddyfile {
		if !slices.Contains(o.block, name) && !slices.Contains(o.arguments, name) && !slices.Contains(o.json, name) {
			t.Errorf("%s:%d: %s has no option %s", p.path, line, owner, name)
		}
	}
	for name, line := range d.json {
		if !slices.Contains(o.json, name) && !slices.Contains(o.block, name) {
			t.Errorf("%s:%d: %s has no field %s in JSON", p.path, line, owner, name)
		}
	}
	if !whole {
		return
	}
	for _, name := range append(slices.Clone(o.arguments), o.block...) {
		if d.caddyfile[name] == 0 {
			t.Errorf("%s: the option %s of %s is in no table", p.path, name, owner)
		}
	}
	for _, name := range o.json {
		if d.json[name] == 0 {
			t.Errorf("%s: the JSON field %s of %s is in no table", p.path, name, owner)
		}
	}
}

// checkFields compares a table whose first head is `field` with the fields of an endpoint. They are
// the fields of an element of a static source's list.
func (p *page) checkFields(t *testing.T) {
	t.Helper()
	info, err := caddy.GetModule("http.reverse_proxy.upstreams.pool.sources.static")
	if err != nil {
		t.Fatal(err)
	}
	list, _ := reflect.TypeOf(info.New()).Elem().FieldByName("Endpoints")
	want := fieldsOf(list.Type.Elem())
	for _, table := range p.tables {
		if table.head[0] != "field" {
			continue
		}
		var got []string
		for _, row := range table.rows {
			got = append(got, quoted(row[0])...)
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s:%d: the fields are %v; an endpoint has %v", p.path, table.line, got, want)
		}
		return
	}
	t.Errorf("%s: no table of fields", p.path)
}
