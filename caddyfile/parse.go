package caddyfile

import (
	"fmt"
	"strings"
)

// Param is an argument, an option, a block of options or a group of options. The functions of this
// package make one; its fields are private because they depend on each other.
type Param struct {
	name string

	// read reads the arguments. The dispenser stands on the token before them.
	read func(d *Dispenser) error

	whole    bool    // read also reads the rest of the line and its block
	optional bool    // an argument that may be left out
	repeat   bool    // an option that may be given again
	named    bool    // read itself names the option in its errors
	group    []Param // the options of a Group, which has nothing else
}

// Parse reads one module: its name, its arguments in the given order, and its block. An error names
// the module, the option, the value, what was expected, and the file and line.
func Parse(d *Dispenser, shape ...Param) error {
	if !d.Next() {
		return d.EOFErr()
	}
	return within(d.Val(), readLine(d, shape))
}

// Optional lets an argument be left out. Its field then keeps its value.
func Optional(p Param) Param {
	p.optional = true
	return p
}

// Again lets an option be given several times, where each adds to its field.
func Again(p Param) Param {
	p.repeat = true
	return p
}

// Block lists the options that may follow in braces, each on its own line.
func Block(options ...Param) Param {
	options = flatten(options)
	return Param{whole: true, read: func(d *Dispenser) error { return readBlock(d, options) }}
}

// Line is an option with arguments of its own, and perhaps a Block after them.
func Line(name string, shape ...Param) Param {
	return Param{name: name, whole: true, read: func(d *Dispenser) error { return readLine(d, shape) }}
}

// OneOf is an option whose first argument is the name of one of these kinds. What follows belongs
// to that kind.
func OneOf(name string, kinds ...Param) Param {
	return Param{name: name, whole: true, read: func(d *Dispenser) error {
		if !d.NextArg() {
			return d.Errf("missing value; expected %s", oneOf(names(kinds)))
		}
		p, known := find(kinds, d.Val())
		if !known {
			return d.Errf("'%s' is not %s", d.Val(), oneOf(names(kinds)))
		}
		err := p.read(d)
		if err == nil && !p.whole {
			err = endOfLine(d)
		}
		return within(p.name, err)
	}}
}

// Section is an option that consists of a Block.
func Section(name string, options ...Param) Param {
	p := Block(options...)
	p.name = name
	return p
}

// SectionInto is a Section that fills a pointer with section, which its options belong to, so that
// an empty block differs from none.
func SectionInto[T any](name string, into **T, section *T, options ...Param) Param {
	p := Section(name, options...)
	read := p.read
	p.read = func(d *Dispenser) error {
		*into = section
		return read(d)
	}
	return p
}

// LineInto is a SectionInto with arguments before its block.
func LineInto[T any](name string, into **T, section *T, shape ...Param) Param {
	return Param{name: name, whole: true, read: func(d *Dispenser) error {
		*into = section
		return readLine(d, shape)
	}}
}

// Named is an argument after its name, as in max 5%.
func Named(p Param) Param {
	read := p.read
	p.read = func(d *Dispenser) error {
		if d.NextArg(); d.Val() != p.name {
			return d.Errf("unexpected argument '%s'; expected %s", d.Val(), p.name)
		}
		return read(d)
	}
	return p
}

// Group makes one Param of several options, for a Block. It lets a type that is embedded in several
// modules list its options once.
func Group(options ...Param) Param { return Param{group: options} }

// flatten replaces groups by their options, in place, so that errors list all options in order.
func flatten(options []Param) []Param {
	flat := make([]Param, 0, len(options))
	for _, p := range options {
		if p.group == nil {
			flat = append(flat, p)
		}
		flat = append(flat, flatten(p.group)...)
	}
	return flat
}

// Repeated is an option that may be given many times, each with arguments and perhaps a Block of
// its own. shape is called for each new element: it sets the element's defaults and lists what may
// be written of it.
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
	if d.NextArg() {
		return d.Errf("unexpected argument '%s'; expected a block with %s", d.Val(), oneOf(names(options)))
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

// readOption reads the option that the dispenser stands on. seen maps each option to the place
// where it was given.
func readOption(d *Dispenser, options []Param, seen map[string]string) error {
	p, known := find(options, d.Val())
	if !known {
		return d.Errf("unknown option '%s'; expected %s", d.Val(), oneOf(append(names(options), settingsBeside(d)...)))
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

// within puts the name of the place where an error occurred before it. The error already ends in
// file and line.
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
