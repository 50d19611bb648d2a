package pool

import (
	"reflect"

	"github.com/caddy-balance/caddy-balance/discovery"
)

// secretValues returns the texts in the fields of a provisioned module that have the tag
// `balance:"secret"`.
func secretValues(module any) (values []string) {
	v := reflect.Indirect(reflect.ValueOf(module))
	if v.Kind() != reflect.Struct {
		return nil
	}
	for _, field := range reflect.VisibleFields(v.Type()) {
		if field.Tag.Get("balance") == "secret" && field.IsExported() {
			values = appendTexts(values, v.FieldByIndex(field.Index))
		}
	}
	return values
}

func appendTexts(values []string, v reflect.Value) []string {
	switch v.Kind() {
	case reflect.String:
		return append(values, v.String())
	case reflect.Slice:
		for i := range v.Len() {
			values = appendTexts(values, v.Index(i))
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			values = appendTexts(values, v.MapIndex(key))
		}
	}
	return values
}

// withoutSecrets returns an answer whose errors do not tell secrets. A registry may repeat what it
// was sent, also as a field of an entry that is then a mistake.
func withoutSecrets(a discovery.Answer, secrets []string) discovery.Answer {
	if len(secrets) == 0 {
		return a
	}
	a.Err = discovery.WithoutSecrets(a.Err, secrets...)
	dropped := make([]discovery.Dropped, len(a.Dropped))
	for i, d := range a.Dropped {
		dropped[i] = discovery.Dropped{Key: d.Key, Err: discovery.WithoutSecrets(d.Err, secrets...)}
	}
	a.Dropped = dropped
	return a
}
