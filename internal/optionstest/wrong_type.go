package optionstest

import (
	"encoding/json"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
)

// ofGo is what errors of Go's decoder have, and no config.
var ofGo = regexp.MustCompile(`json: |\bGo \w|unmarshal|\[\]string|reverseproxy\.|caddy\.|time: `)

var ofEachType = []string{
	`1`, `-1`, `1.5`, `1e30`, `"5"`, `"soon"`, `true`,
	`[]`, `[1]`, `[{}]`, `[{"unknown": 1}]`, `{}`, `{"unknown": 1}`,
}

// WantWrongTypesExplained gives each field of all registered modules whose package is prefix, which
// is relative to this repository, or below it, values of each type. It expects an error to name the
// field, and no type of Go.
func WantWrongTypesExplained(t *testing.T, prefix string) {
	t.Helper()
	for id, kind := range modules(t, prefix) {
		visit(kind, nil, func(path []step) {
			option := Option{Module: id, Path: path}
			for _, value := range ofEachType {
				err := caddy.StrictUnmarshalJSON(option.With(t, "{}", value), reflect.New(kind).Interface())
				if err != nil && (ofGo.MatchString(err.Error()) || !names(err, path)) {
					t.Errorf("%s: %s: %s: the error is %v", id, option.Name(), value, err)
				}
			}
		})
	}
}

// names reports whether an error has the names of all fields on a path, in order. An option that a
// module does not have at all is named without what is inside of it.
func names(err error, path []step) bool {
	rest := err.Error()
	if strings.HasSuffix(rest, path[0].name+": is for HTTP requests, not for connections") {
		return true
	}
	for _, s := range path {
		_, after, found := strings.Cut(rest, s.name+":")
		if !found {
			return false
		}
		rest = after
	}
	return true
}

// visit calls f with the path to each field of a struct, and to those of structs in it.
func visit(of reflect.Type, path []step, f func(path []step)) {
	for i := range of.NumField() {
		one := of.Field(i)
		kind, name := indirect(one.Type), jsonName(one)
		if one.Anonymous && name == "" && kind.Kind() == reflect.Struct {
			visit(kind, path, f)
			continue
		}
		if name == "" || name == "-" || !one.IsExported() {
			continue
		}
		here := append(append([]step(nil), path...), step{name: name})
		f(here)
		if kind.Kind() == reflect.Slice && kind != reflect.TypeFor[json.RawMessage]() {
			here = append([]step(nil), here...)
			here[len(here)-1].inList = true
			kind = indirect(kind.Elem())
		}
		if kind.Kind() == reflect.Struct {
			visit(kind, here, f)
		}
	}
}
