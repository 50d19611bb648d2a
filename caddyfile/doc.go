// Package caddyfile turns the text of a Caddyfile into the settings of a module. A module lists its
// options, and Parse handles tokens, argument counts, duplicates, unknown names and the wording of
// errors. No other package walks tokens.
//
//	// lb_policy bounded_load_hash <key> [<load_factor>] {
//	//	fallback <policy> ...
//	// }
//	func (h *BoundedLoadHash) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
//		return caddyfile.Parse(d,
//			caddyfile.String("key", &h.Key),
//			caddyfile.Optional(caddyfile.Float("load_factor", &h.LoadFactor, 1, 1000)),
//			caddyfile.Block(
//				caddyfile.Module("fallback",
//					"http.reverse_proxy.selection_policies", "policy", &h.FallbackRaw),
//			),
//		)
//	}
//
// A Param by itself is an argument. In a Block it is an option of that name:
//
//	Duration, Int, Float, String, Flag    one value, or none for Flag
//	Percent, Switch                       80%; on or off
//	Pointer(kind, ...)                    one value, where leaving it out differs from zero
//	OrOff                                 a number, or off
//	Func                                  one value that the module reads itself
//	Ints, Strings, Rest(p)                one value or more, to the end of the line
//	Pairs                                 option <key> <value>, may be repeated
//	Lists                                 option <key> <values...>, may be repeated
//	Module, Modules                       option <module> ..., once or repeated
//	Guest                                 option with a block that one certain module reads
//	TLS                                   the options of a client that can speak TLS
//	Repeated                              option with arguments and a block, repeated
//	Optional(p)                           an argument that may be left out; after required ones
//	Block(options...)                     the options in braces; it comes last and may be absent
//
// A new kind is one call of Func. Parse checks the form of a value and the range that it is given.
// Rules between fields belong to the module's Provision, because JSON does not pass through this
// package. Fields without an option in the text keep their values.
package caddyfile

import "github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

// Dispenser hands out tokens. It is here so that modules import only this package.
type Dispenser = caddyfile.Dispenser

// Unmarshaler is a module that can be configured in a Caddyfile.
type Unmarshaler = caddyfile.Unmarshaler
