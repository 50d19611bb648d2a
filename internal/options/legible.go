package options

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
)

// fault returns what is wrong with a value for a type, in words of the config instead of Go, with
// the way to it; nil if nothing is. The decoder itself names no field of a value that decodes
// itself, such as a duration, and none around an unknown field.
func fault(value json.RawMessage, t reflect.Type) error {
	err := caddy.StrictUnmarshalJSON(value, reflect.New(t).Interface())
	if err == nil {
		return nil
	}
	if !reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()) {
		if inside := faultInside(value, t); inside != nil {
			return inside
		}
	}
	if wrong := new(json.UnmarshalTypeError); errors.As(err, &wrong) {
		return WrongType(wrong)
	}
	if isDuration(t) {
		return fmt.Errorf("is %s; expected %s", value, expectedType(t))
	}
	return err
}

// faultInside returns what is wrong with a part of a value; nil if it has no parts.
func faultInside(value json.RawMessage, t reflect.Type) error {
	switch t.Kind() {
	case reflect.Pointer:
		return fault(value, t.Elem())
	case reflect.Struct:
		var given map[string]json.RawMessage
		if json.Unmarshal(value, &given) == nil {
			return faultOfFields(given, fieldsOf(t))
		}
	case reflect.Slice:
		var list []json.RawMessage
		if json.Unmarshal(value, &list) == nil {
			return faultOfEntries(list, t.Elem())
		}
	case reflect.Map:
		var given map[string]json.RawMessage
		if json.Unmarshal(value, &given) == nil {
			return faultOfValues(given, t.Elem())
		}
	}
	return nil
}

func faultOfFields(given map[string]json.RawMessage, fields []field) error {
	for _, name := range slices.Sorted(maps.Keys(given)) {
		i := slices.IndexFunc(fields, func(f field) bool { return strings.EqualFold(f.name, name) })
		if i < 0 {
			return unknownAmong(name, fields)
		}
		if err := fault(given[name], fields[i].kind); err != nil {
			return fmt.Errorf("%s: %w", fields[i].name, err)
		}
	}
	return nil
}

func faultOfEntries(list []json.RawMessage, t reflect.Type) error {
	for i, value := range list {
		if err := fault(value, t); err != nil {
			return fmt.Errorf("entry %d: %w", i+1, err)
		}
	}
	return nil
}

func faultOfValues(given map[string]json.RawMessage, t reflect.Type) error {
	for _, key := range slices.Sorted(maps.Keys(given)) {
		if err := fault(given[key], t); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	return nil
}

func unknownAmong(name string, fields []field) error {
	if len(fields) == 0 {
		return fmt.Errorf("unknown field %q; there are no options", name)
	}
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.name
	}
	return fmt.Errorf("unknown field %q; the fields are %s", name, strings.Join(names, ", "))
}

// field is a field of an object in JSON.
type field struct {
	name string
	kind reflect.Type
	tag  reflect.StructTag
}

// fieldsOf returns the fields of a struct and of those that are embedded in it.
func fieldsOf(t reflect.Type) (fields []field) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct:
			fields = append(fields, fieldsOf(f.Type)...)
		case f.IsExported() && name != "" && name != "-":
			fields = append(fields, field{name, f.Type, f.Tag})
		}
	}
	return fields
}
