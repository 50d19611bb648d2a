package pool

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// RefuseForConnections returns an error if the JSON of a module that sends no requests has an
// option which is for those. own are options of the module that have the name of one.
func RefuseForConnections(data []byte, own ...string) error {
	var given map[string]json.RawMessage
	if json.Unmarshal(data, &given) != nil {
		return nil // what decodes the options says why
	}
	for _, options := range []reflect.Type{reflect.TypeFor[RequestOptions](), reflect.TypeFor[LimitOptions]()} {
		for i := range options.NumField() {
			name, _, _ := strings.Cut(options.Field(i).Tag.Get("json"), ",")
			for field := range given {
				if strings.EqualFold(field, name) && !slices.Contains(own, name) {
					return fmt.Errorf("%s: is for HTTP requests, not for connections", name)
				}
			}
		}
	}
	return nil
}
