package options

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
)

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
	if isDuration(t) {
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

func isDuration(t reflect.Type) bool {
	return t == reflect.TypeFor[caddy.Duration]() || t == reflect.TypeFor[time.Duration]()
}
