package caddyfile

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
)

// Func is one value that set reads. set returns false if the value is not valid; the error then
// says "'x' is not <expected>".
func Func(name, expected string, set func(text string) bool) Param {
	return Checked(name, expected, func(text string) error {
		if !set(text) {
			return fmt.Errorf("'%s' is not %s", text, expected)
		}
		return nil
	})
}

// Checked is a Func whose values can be wrong in several ways. set returns what is wrong with a
// value that is not valid.
func Checked(name, expected string, set func(text string) error) Param {
	return Param{name: name, read: func(d *Dispenser) error {
		if !d.NextArg() {
			return d.Errf("missing value; expected %s", expected)
		}
		if err := set(d.Val()); err != nil {
			return d.WrapErr(err)
		}
		return nil
	}}
}

// Once is a text that may be given as an argument or as an option, but not as both. valid reports
// whether it is what is expected.
func Once(name, expected string, into *string, valid func(text string) bool) Param {
	return Checked(name, expected, func(text string) error {
		switch given := *into; {
		case given != "":
			return fmt.Errorf("'%s' is given besides '%s'; expected it once", text, given)
		case !valid(text):
			return fmt.Errorf("'%s' is not %s", text, expected)
		}
		*into = text
		return nil
	})
}

// Rest is one value or more, up to the end of the line. p reads each of them.
func Rest(p Param) Param {
	one := p.read
	p.read = func(d *Dispenser) error {
		for ok := true; ok; ok = d.CountRemainingArgs() > 0 {
			if err := one(d); err != nil {
				return err
			}
		}
		return nil
	}
	return p
}

// Flag is an option without a value. Giving it sets into to true.
func Flag(name string, into *bool) Param {
	return Param{name: name, read: func(*Dispenser) error {
		*into = true
		return nil
	}}
}

// String is any text that is not empty.
func String(name string, into *string) Param {
	return Func(name, "text of one character or more", func(text string) bool {
		*into = text
		return text != ""
	})
}

// Strings is one text or more, none of them empty.
func Strings(name string, into *[]string) Param {
	var one string
	return Rest(appending(String(name, &one), into, &one))
}

// Duration is a duration in Go's form or in days, such as 10s or 1d. It is never negative.
func Duration(name string, into *caddy.Duration) Param {
	return Func(name, "a duration of 0s or more, such as 500ms, 10s or 2m", func(text string) bool {
		value, err := caddy.ParseDuration(text)
		*into = caddy.Duration(value)
		return err == nil && value >= 0
	})
}

// DurationFrom is a duration like Duration, but not less than least.
func DurationFrom(name string, into *caddy.Duration, least time.Duration) Param {
	expected := fmt.Sprintf("a duration of %s or more, such as 10s or 2m", least)
	return Func(name, expected, func(text string) bool {
		value, err := caddy.ParseDuration(text)
		*into = caddy.Duration(value)
		return err == nil && value >= least
	})
}

// Int is a whole number from least to most. math.MaxInt as most means that there is no maximum.
func Int(name string, into *int, least, most int) Param {
	expected := fmt.Sprintf("a whole number from %d to %d", least, most)
	if most == math.MaxInt {
		expected = fmt.Sprintf("a whole number of at least %d", least)
	}
	return Func(name, expected, func(text string) bool {
		value, err := strconv.Atoi(text)
		*into = value
		return err == nil && least <= value && value <= most
	})
}

// Ints is one whole number or more, each from least to most.
func Ints(name string, into *[]int, least, most int) Param {
	var one int
	return Rest(appending(Int(name, &one, least, most), into, &one))
}

// Float is a number from least to most.
func Float(name string, into *float64, least, most float64) Param {
	return Func(name, fmt.Sprintf("a number from %v to %v", least, most), func(text string) bool {
		value, err := strconv.ParseFloat(text, 64)
		*into = value
		return err == nil && least <= value && value <= most // never true of NaN
	})
}

// Percent is a percentage from 0% to 100%. 80% is stored as 80.
func Percent(name string, into *float64) Param {
	return Func(name, "a percentage from 0% to 100%, such as 80%", func(text string) bool {
		number, signed := strings.CutSuffix(text, "%")
		value, err := strconv.ParseFloat(number, 64)
		*into = value
		return signed && err == nil && value >= 0 && value <= 100
	})
}

// Pointer makes a kind of value fill a pointer, as in Pointer(Percent, "max_loss", &p.MaxLoss). It
// is for settings where zero differs from leaving the setting out.
func Pointer[T any](kind func(name string, into *T) Param, name string, into **T) Param {
	value := new(T)
	p := kind(name, value)
	read := p.read
	p.read = func(d *Dispenser) error {
		*into = value
		return read(d)
	}
	return p
}

// Pairs is an option with a key and a value. It may be given once for each key.
func Pairs(name string, into *map[string]string) Param {
	return Param{name: name, repeat: true, read: func(d *Dispenser) error {
		var key, value string
		if !d.Args(&key, &value) {
			return d.Errf("missing value; expected a key and a value")
		}
		if _, twice := (*into)[key]; twice {
			return d.Errf("'%s' is given twice", key)
		}
		if *into == nil {
			*into = make(map[string]string)
		}
		(*into)[key] = value
		return nil
	}}
}

// Lists is an option with a key and one value or more. It may be given again, also with the same
// key.
func Lists(name string, into *map[string][]string) Param {
	return Param{name: name, repeat: true, read: func(d *Dispenser) error {
		list := d.RemainingArgs()
		if len(list) < 2 {
			return d.Errf("missing value; expected a key and one value or more")
		}
		if *into == nil {
			*into = make(map[string][]string)
		}
		(*into)[list[0]] = append((*into)[list[0]], list[1:]...)
		return nil
	}}
}

// appending makes p, which reads into one, append each value to a list.
func appending[T any](p Param, into *[]T, one *T) Param {
	read := p.read
	p.read = func(d *Dispenser) error {
		if err := read(d); err != nil {
			return err
		}
		*into = append(*into, *one)
		return nil
	}
	return p
}

// OrOff lets the value of p also be off, which is stored as the number off.
func OrOff[N int | float64](p Param, into *N, off N) Param {
	read := p.read
	p.read = func(d *Dispenser) error {
		if d.NextArg() {
			if d.Val() == "off" {
				*into = off
				return nil
			}
			d.Prev()
		}
		err := read(d)
		if expected := errors.Unwrap(err); expected != nil {
			return d.WrapErr(fmt.Errorf("%w, or off", expected))
		}
		return err
	}
	return p
}
