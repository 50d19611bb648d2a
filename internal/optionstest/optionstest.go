// Package optionstest walks all options of the modules of a package, in a test of the core and in
// those of the nested modules.
package optionstest

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
)

const core = "github.com/caddy-balance/caddy-balance"

// Option is a number, a duration or a switch that a config can set.
type Option struct {
	Module string // the ID of the module
	Path   []step // from the module to the option
	doc    string
	kind   reflect.Type
}

// step is one field on the way to an option. In a list it leads to the only element.
type step struct {
	name   string
	inList bool
}

// Name returns the names of the fields on the way to the option.
func (o *Option) Name() string {
	names := make([]string, len(o.Path))
	for i, s := range o.Path {
		names[i] = s.name
	}
	return strings.Join(names, ".")
}

// IsDuration reports whether the option is a duration.
func (o *Option) IsDuration() bool { return o.kind == reflect.TypeFor[caddy.Duration]() }

// Options returns the options of all registered modules whose package is prefix, which is relative
// to this repository, or below it. A module may have none.
func Options(t *testing.T, prefix string) []Option {
	t.Helper()
	var all []Option
	for id, kind := range modules(t, prefix) {
		w := walk{t: t, module: id}
		w.fields(kind, nil)
		all = append(all, w.found...)
	}
	return all
}

// modules returns the types of all registered modules whose package is prefix or below it, by ID.
func modules(t *testing.T, prefix string) map[string]reflect.Type {
	t.Helper()
	all := make(map[string]reflect.Type)
	for _, id := range caddy.Modules() {
		info, err := caddy.GetModule(id)
		if err != nil {
			t.Fatal(err)
		}
		kind := reflect.TypeOf(info.New())
		if kind.Kind() == reflect.Pointer && strings.HasPrefix(kind.Elem().PkgPath(), core+prefix) {
			all[id] = kind.Elem()
		}
	}
	if len(all) == 0 {
		t.Fatal("no modules below", prefix)
	}
	return all
}

// With returns the JSON of a module that sets the option to a value, on top of a config of the
// module.
func (o *Option) With(t *testing.T, config, value string) []byte {
	t.Helper()
	module := map[string]any{}
	if err := json.Unmarshal([]byte(config), &module); err != nil {
		t.Fatal(config, err)
	}
	at := module
	for _, s := range o.Path[:len(o.Path)-1] {
		at = enter(at, s)
	}
	at[o.Path[len(o.Path)-1].name] = json.RawMessage(value)
	text, err := json.Marshal(module)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// enter returns the object of a field, which it makes if there is none.
func enter(at map[string]any, s step) map[string]any {
	if !s.inList {
		inside, ok := at[s.name].(map[string]any)
		if !ok {
			inside = map[string]any{}
			at[s.name] = inside
		}
		return inside
	}
	list, ok := at[s.name].([]any)
	if !ok {
		list = []any{map[string]any{}}
		at[s.name] = list
	}
	return list[0].(map[string]any)
}

// WantZerosHonouredOrRefused expects of each option that its zero, written in JSON, is an error, or
// stays zero and differs from the option left out, or that its documentation says that zero is the
// default, or that the option is required. A zero never silently becomes another value.
func WantZerosHonouredOrRefused(t *testing.T, all []Option) {
	t.Helper()
	for i := range all {
		o := &all[i]
		zero := "0"
		if o.kind.Kind() == reflect.Bool {
			zero = "false"
		}
		info, err := caddy.GetModule(o.Module)
		if err != nil {
			t.Fatal(err)
		}
		given := info.New()
		err = caddy.StrictUnmarshalJSON(o.With(t, "{}", zero), given)
		switch {
		case err != nil:
			if name := o.Path[len(o.Path)-1].name; !strings.Contains(err.Error(), name+": is "+zero) {
				t.Errorf("%s: %s: the error is %v", o.Module, o.Name(), err)
			}
		case o.isDistinct(t, given), o.defaultIsZero(), o.isRequired():
		default:
			t.Errorf("%s: %s: a zero is not refused, cannot be told from an option that is left out, "+
				"and is not documented as its default", o.Module, o.Name())
		}
	}
}

// isDistinct reports whether a decoded module has a zero that differs from what it has without the
// option.
func (o *Option) isDistinct(t *testing.T, given any) bool {
	t.Helper()
	value := o.valueIn(reflect.ValueOf(given))
	if value.Kind() == reflect.Pointer {
		return !value.IsNil() && value.Elem().IsZero()
	}
	info, err := caddy.GetModule(o.Module)
	if err != nil {
		t.Fatal(err)
	}
	without := info.New()
	if err := caddy.StrictUnmarshalJSON(o.without(t), without); err != nil {
		return false
	}
	return value.IsZero() && !o.valueIn(reflect.ValueOf(without)).IsZero()
}

// without returns the JSON of a module that has the place of the option, but not the option.
func (o *Option) without(t *testing.T) []byte {
	t.Helper()
	const mark = "\x00"
	last := len(o.Path) - 1
	place := Option{Path: append(append([]step(nil), o.Path[:last]...), step{name: mark})}
	return bytes.Replace(place.With(t, "{}", "0"), []byte(`"\u0000":0`), nil, 1)
}

// defaultIsZero reports whether the documentation of the option says that zero is its default.
func (o *Option) defaultIsZero() bool {
	doc := strings.Join(strings.Fields(o.doc), " ")
	if o.kind.Kind() == reflect.Bool {
		return strings.Contains(doc, "Default: false")
	}
	return strings.Contains(doc, "Default: 0")
}

// isRequired reports whether the documentation of the option says that it has no default.
func (o *Option) isRequired() bool { return strings.Contains(o.doc, "Required.") }

// valueIn returns the field of the option in a module, which may be a pointer.
func (o *Option) valueIn(module reflect.Value) reflect.Value {
	at := reflect.Indirect(module)
	last := len(o.Path) - 1
	for _, s := range o.Path[:last] {
		at = reflect.Indirect(byName(at, s.name))
		if s.inList {
			at = reflect.Indirect(at.Index(0))
		}
	}
	return byName(at, o.Path[last].name)
}

func byName(parent reflect.Value, name string) reflect.Value {
	for _, f := range reflect.VisibleFields(parent.Type()) {
		if jsonName(f) == name {
			return parent.FieldByIndex(f.Index)
		}
	}
	return reflect.Value{}
}

func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}
