// Package caddyfile turns the text of a Caddyfile into the settings of a module.
// A module lists what may be written, and Parse owns tokens, argument counts,
// duplicates, unknown names and the wording of errors. No other package walks tokens.
//
//	// lb_policy bounded_load_hash <key> [<load_factor>] {
//	//	fallback <policy> ...
//	// }
//	func (h *BoundedLoadHash) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
//		return caddyfile.Parse(d,
//			caddyfile.String("key", &h.Key),
//			caddyfile.Optional(caddyfile.Float("load_factor", &h.LoadFactor, 1, 100)),
//			caddyfile.Block(
//				caddyfile.Module("fallback", "http.reverse_proxy.selection_policies", "policy", &h.FallbackRaw),
//			),
//		)
//	}
//
// A Param is an argument where it stands by itself, and an option of that name
// where it stands in a Block:
//
//	Duration, Int, Float, String, Flag    one value, or none for Flag
//	Percent, Switch                       80%; on or off
//	Pointer(kind, ...)                    one value, where giving none differs from giving zero
//	Func                                  one value that the module reads itself
//	Ints, Strings, Rest(p)                one value or more, to the end of the line
//	Pairs                                 option <key> <value>, may be repeated
//	Lists                                 option <key> <values...>, may be repeated
//	Module, Modules                       option <module> ..., once or repeated
//	Repeated                              option with arguments and a block of its own, repeated
//	Optional(p)                           an argument that may be left out; it comes after the required ones
//	Block(options...)                     the options in braces; it comes last and may be absent or empty
//
// A new kind is one call of Func. Parse checks the form of a value and a range
// given to it; rules between fields belong to the module's Provision, because JSON
// does not pass through here. Fields that are not written keep what they hold.
package caddyfile

import "github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

// Dispenser hands out tokens. Modules import it from here to need only this package.
type Dispenser = caddyfile.Dispenser

// Unmarshaler is what a module is that can be written in a Caddyfile.
type Unmarshaler = caddyfile.Unmarshaler
