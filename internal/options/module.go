package options

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// faultOfModule returns an error if a field is for a module and its value does not name one. Caddy
// finds that out later, in words of Go.
func faultOfModule(f field, value json.RawMessage) error {
	_, key, inline := strings.Cut(f.tag.Get("caddy"), "inline_key=")
	switch {
	case !inline:
		return nil
	case f.kind == reflect.TypeFor[json.RawMessage]():
		return nameless(value, key)
	}
	var list []json.RawMessage
	_ = json.Unmarshal(value, &list) // which Decode has done
	for i, one := range list {
		if err := nameless(one, key); err != nil {
			return fmt.Errorf("entry %d: %w", i+1, err)
		}
	}
	return nil
}

// nameless returns an error if a module has no name under a key.
func nameless(module json.RawMessage, key string) error {
	var object map[string]json.RawMessage
	if err := fault(module, reflect.TypeOf(object)); err != nil {
		return err
	}
	_ = json.Unmarshal(module, &object) // which fault has done
	name, given := object[key]
	if !given {
		return fmt.Errorf("%s: is missing; expected the name of a module", key)
	}
	if err := fault(name, reflect.TypeFor[string]()); err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	return nil
}
