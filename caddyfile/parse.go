package caddyfile

import (
	"fmt"
	"strings"
)

// Param is one argument or option.
type Param struct {
	name string

	// read takes the arguments. The dispenser is on the token before them.
	read func(d *Dispenser) error

	whole    bool // read takes the rest of the line and its block, too
	optional bool // may be left out as an argument
	repeat   bool // may be given again as an option
	named    bool // read names the option in its errors by itself
}

// Parse reads one module: its name, its arguments in the order given, and its block.
func Parse(d *Dispenser, shape ...Param) error {
	if !d.Next() {
		return d.EOFErr()
	}
	return within(d.Val(), readLine(d, shape))
}

// Optional makes an argument one that may be left out.
func Optional(p Param) Param {
	p.optional = true
	return p
}

// Block lists the options that may follow in braces, each on its own line.
func Block(options ...Param) Param {
	return Param{whole: true, read: func(d *Dispenser) error { return readBlock(d, options) }}
}

// Repeated is an option that may be given many times, each with arguments and perhaps a Block. For
// each, shape sets the defaults of a new element and returns its arguments and options.
func Repeated[T any](name string, into *[]T, shape func(*T) []Param) Param {
	read := func(d *Dispenser) error {
		var element T
		if err := readLine(d, shape(&element)); err != nil {
			return err
		}
		*into = append(*into, element)
		return nil
	}
	return Param{name: name, read: read, whole: true, repeat: true}
}

func readLine(d *Dispenser, shape []Param) error {
	for _, p := range shape {
		if p.optional && d.CountRemainingArgs() == 0 {
			continue
		}
		if err := p.read(d); err != nil {
			return within(p.name, err)
		}
		if p.whole {
			return nil
		}
	}
	return endOfLine(d)
}

func readBlock(d *Dispenser, options []Param) error {
	if err := endOfArgs(d); err != nil {
		return err
	}
	seen := make(map[string]string, len(options))
	nesting := d.Nesting()
	for d.NextBlock(nesting) {
		if err := readOption(d, options, seen); err != nil {
			return err
		}
	}
	if d.Nesting() > nesting {
		return d.Errf("missing '}'")
	}
	return nil
}

// readOption reads the option that the dispenser is on. seen holds where each option was given.
func readOption(d *Dispenser, options []Param, seen map[string]string) error {
	p, known := find(options, d.Val())
	if !known {
		return d.Errf("unknown option '%s'; expected %s", d.Val(), oneOf(names(options)))
	}
	if first, twice := seen[p.name]; twice && !p.repeat {
		return within(p.name, d.Errf("already given at %s", first))
	}
	seen[p.name] = fmt.Sprintf("%s:%d", d.File(), d.Line())
	err := p.read(d)
	if err == nil && !p.whole {
		err = endOfLine(d)
	}
	if p.named {
		return err
	}
	return within(p.name, err)
}

func endOfLine(d *Dispenser) error {
	if err := endOfArgs(d); err != nil {
		return err
	}
	// NextBlock returns false for an empty block, but moves on to its closing brace.
	if d.NextBlock(d.Nesting()) || d.ValRaw() == "}" {
		d.Prev() // to the opening brace, which is on the line in question
		return d.Errf("takes no block")
	}
	return nil
}

func endOfArgs(d *Dispenser) error {
	if d.NextArg() {
		return d.Errf("unexpected argument '%s'", d.Val())
	}
	return nil
}

// within names the place that an error came from, outermost first. The error already ends in file
// and line.
func within(name string, err error) error {
	if err == nil || name == "" {
		return err
	}
	return fmt.Errorf("%s: %w", name, err)
}

func find(options []Param, name string) (Param, bool) {
	for _, p := range options {
		if p.name == name {
			return p, true
		}
	}
	return Param{}, false
}

func names(options []Param) []string {
	list := make([]string, len(options))
	for i, p := range options {
		list[i] = p.name
	}
	return list
}

func oneOf(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}
