// Package options has what the options of all modules have in common: a zero that is written in
// JSON is not the same as an option that is left out, and a number is a duration in nanoseconds.
package options

import (
	"cmp"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
)

const (
	// MinInterval is the minimum time between two questions to a registry or an endpoint.
	MinInterval = 100 * time.Millisecond

	// MinDuration is the minimum of all other durations. Less is a number without a unit, most
	// likely.
	MinDuration = time.Millisecond
)

// Decode decodes the JSON of a module like Caddy does, and refuses the value zero for some options.
// Their zero would silently become their default. Caddy's decoder finds the type by its methods, so
// into must be of a type that has the fields of the module and not its UnmarshalJSON.
func Decode(data []byte, into any, notZero ...string) error {
	t := reflect.TypeOf(into).Elem()
	if err := caddy.StrictUnmarshalJSON(data, into); err != nil {
		return cmp.Or(fault(data, t), err)
	}
	var given map[string]json.RawMessage
	if err := json.Unmarshal(data, &given); err != nil {
		return err
	}
	for _, f := range fieldsOf(t) {
		for name, value := range given {
			if !strings.EqualFold(f.name, name) {
				continue
			}
			if slices.Contains(notZero, f.name) && isZero(value) {
				return fmt.Errorf("%s: is %s; leave it out for its default", f.name, value)
			}
			if err := faultOfModule(f, value); err != nil {
				return fmt.Errorf("%s: %w", f.name, err)
			}
		}
	}
	return nil
}

// isZero reports whether a value is the number zero or a duration of no length.
func isZero(value json.RawMessage) bool {
	var text string
	if json.Unmarshal(value, &text) == nil {
		duration, err := caddy.ParseDuration(text)
		return err == nil && duration == 0
	}
	number, err := strconv.ParseFloat(string(value), 64)
	return err == nil && number == 0
}

// AtLeast returns an error if a duration is less than the minimum. The error tells the unit if the
// duration is so short that it is likely to be a number that was meant as seconds.
func AtLeast(name string, value caddy.Duration, least time.Duration) error {
	if time.Duration(value) >= least {
		return nil
	}
	err := fmt.Errorf("%s: %s is less than %s", name, time.Duration(value), least)
	if value < 0 || time.Duration(value) >= MinDuration {
		return err
	}
	return fmt.Errorf("%w; a number in JSON is in nanoseconds, so write it with a unit, such as %q",
		err, max(10*time.Second, least).String())
}

// AtLeastOrZero returns an error like AtLeast, but allows zero.
func AtLeastOrZero(name string, value caddy.Duration, least time.Duration) error {
	switch {
	case value == 0:
		return nil
	case value < 0:
		return fmt.Errorf("%s: %s is negative; expected 0s, or %s or more", name, time.Duration(value), least)
	}
	return AtLeast(name, value, least)
}
