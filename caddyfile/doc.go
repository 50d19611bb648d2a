// Package caddyfile turns the text of a Caddyfile into the settings of a module.
//
// A module lists what may be written, see the example of [Parse]. Parse owns tokens, argument
// counts, duplicates, unknown names and the wording of errors. No other package walks tokens, so
// all modules answer the same mistake with the same words.
//
// A [Param] is an argument where it stands by itself, and an option of that name inside a [Block]:
//
//	Duration, Int, Float, String, Flag    one value, or none for Flag
//	Percent                               80%
//	Pointer(kind, ...)                    one value; leaving it out differs from giving zero
//	OrOff(p, ...)                         the value of p, or off
//	Func, Checked                         one value that the module reads itself
//	Ints, Strings, Rest(p)                one value or more, to the end of the line
//	Pairs                                 option <key> <value>, may be repeated
//	Lists                                 option <key> <values...>, may be repeated
//	Module, Modules                       option <module> ..., once or repeated
//	ModulesWith                           the same, repeated, with settings in the module's block
//	Guest                                 option { ... }, which one certain module reads
//	Repeated                              option with arguments and a block of its own, repeated
//	Line(name, arguments...)              option with arguments and perhaps a block of its own
//	OneOf(name, kinds...)                 option <kind> ..., where the kind says what follows
//	Again(p)                              an option that may be repeated, each time with more values
//	Line                                  option with several arguments
//	Named(p)                              an argument after its name, as in max 5%
//	Optional(p)                           an argument that may be left out, after required ones
//	Section(name, options...)             option { ... }, with a Block of its own
//	SectionInto                           a Section that fills a pointer
//	LineInto                              option <arguments> { ... }, which fills a pointer
//	Block(options...)                     the options in braces, last; may be absent or empty
//	Group(options...), TLS                options that several modules share, inside a Block
//
// A new kind is one call of Func. Parse checks the form of a value and a range given to it. Rules
// between fields belong to the module's Provision, because JSON does not pass through here. Fields
// that are not written keep their value.
package caddyfile

import "github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

// Dispenser hands out the tokens of a Caddyfile. It is Caddy's own type, repeated here so that
// modules need to import only this package.
type Dispenser = caddyfile.Dispenser

// Unmarshaler is a module that can be written in a Caddyfile. It is Caddy's own type.
type Unmarshaler = caddyfile.Unmarshaler
