package definition

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// maxNamed is the maximum number of fields that Differences names.
const maxNamed = 5

// whole is the name of a difference that is not in a field.
const whole = "the whole definition"

// Differences returns the names of the fields that differ between two definitions in JSON, such as
// "health.interval, sources[0].token", and never a value. It is empty if none differs.
func Differences(a, b []byte) string {
	first, ok := decode(a)
	second, alsoOK := decode(b)
	if !ok || !alsoOK {
		return whole
	}
	names := differing("", first, second)
	if more := len(names) - maxNamed; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:maxNamed], ", "), more)
	}
	return strings.Join(names, ", ")
}

// differing returns the paths below at where two values differ.
func differing(at string, a, b any) []string {
	switch a := a.(type) {
	case map[string]any:
		if b, ok := b.(map[string]any); ok {
			return differingFields(at, a, b)
		}
	case []any:
		if b, ok := b.([]any); ok && len(a) == len(b) {
			return differingItems(at, a, b)
		}
	}
	if reflect.DeepEqual(a, b) {
		return nil
	}
	return []string{cmp.Or(at, whole)}
}

func differingFields(at string, a, b map[string]any) (names []string) {
	all := maps.Clone(a)
	maps.Copy(all, b)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		field := strings.TrimPrefix(at+"."+name, ".")
		first, inFirst := a[name]
		second, inSecond := b[name]
		if inFirst != inSecond {
			names = append(names, field)
		} else {
			names = append(names, differing(field, first, second)...)
		}
	}
	return names
}

func differingItems(at string, a, b []any) (names []string) {
	for i := range a {
		names = append(names, differing(fmt.Sprintf("%s[%d]", at, i), a[i], b[i])...)
	}
	return names
}
