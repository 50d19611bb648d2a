package options

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
)

// legible returns an error of the decoder in words of the config instead of Go. into is the type
// with the options.
func legible(err error, data []byte, into reflect.Type) error {
	if wrong := new(json.UnmarshalTypeError); errors.As(err, &wrong) {
		err = WrongType(wrong)
		if wrong.Field != "" {
			return err
		}
	}
	var given map[string]json.RawMessage
	if json.Unmarshal(data, &given) != nil {
		return err
	}
	if name, unknown := unknownField(err); unknown {
		if _, here := given[name]; here {
			return unknownAmong(name, fieldsOf(into))
		}
	}
	return named(err, given, into)
}

// named returns an error with the name of its field before it, if it has none yet. A value that
// decodes itself, such as a duration, does not know of which field it is.
func named(err error, given map[string]json.RawMessage, into reflect.Type) error {
	for field, value := range given {
		one, _ := json.Marshal(map[string]json.RawMessage{field: value}) // what was read can be written
		decoder := json.NewDecoder(bytes.NewReader(one))
		decoder.DisallowUnknownFields()
		alone := decoder.Decode(reflect.New(into).Interface())
		if wrong := new(json.UnmarshalTypeError); errors.As(alone, &wrong) {
			alone = WrongType(wrong)
		}
		if alone != nil && alone.Error() == err.Error() && !strings.HasPrefix(err.Error(), field) {
			return fmt.Errorf("%s: %w", field, err)
		}
	}
	return err
}

func unknownField(err error) (name string, is bool) {
	quoted, is := strings.CutPrefix(err.Error(), "json: unknown field ")
	if !is || json.Unmarshal([]byte(quoted), &name) != nil {
		return "", false
	}
	return name, true
}

func unknownAmong(name string, fields []string) error {
	if len(fields) == 0 {
		return fmt.Errorf("unknown field %q; there are no options", name)
	}
	return fmt.Errorf("unknown field %q; the fields are %s", name, strings.Join(fields, ", "))
}

// fieldsOf returns the names of the options in a type.
func fieldsOf(t reflect.Type) (names []string) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct:
			names = append(names, fieldsOf(f.Type)...)
		case f.IsExported() && name != "" && name != "-":
			names = append(names, name)
		}
	}
	return names
}

// WrongType says of which type a value is, and of which it should be.
func WrongType(e *json.UnmarshalTypeError) error {
	text := fmt.Sprintf("is %s; expected %s", givenType(e.Value), expectedType(e.Type))
	if field := fieldPath(e.Field); field != "" {
		return fmt.Errorf("%s: %s", field, text)
	}
	return errors.New(text)
}

// fieldPath returns a path of fields without the names of embedded types, which no config has.
func fieldPath(path string) string {
	var names []string
	for name := range strings.SplitSeq(path, ".") {
		if name != "" && (name[0] < 'A' || name[0] > 'Z') {
			names = append(names, name)
		}
	}
	return strings.Join(names, ".")
}

func givenType(value string) string {
	switch kind, number, _ := strings.Cut(value, " "); {
	case kind == "array":
		return "a list"
	case kind == "object":
		return "an object"
	case kind == "bool":
		return "true or false"
	case number != "":
		return "the number " + number
	}
	return "a " + value
}

func expectedType(t reflect.Type) string {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t {
	case reflect.TypeFor[caddy.Duration](), reflect.TypeFor[time.Duration]():
		return `a duration such as "10s"`
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "a string"
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Float32, reflect.Float64:
		return "a number"
	}
	return "a whole number"
}
