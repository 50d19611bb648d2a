package caddyfile

import (
	"encoding/json"
	"slices"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// ModulesWith is a module that may be given many times, each with settings that are not its own.
// shape is called for each new element: it returns where the JSON of the module goes, and the
// options of the settings. They stand in the block of the module, among its own options.
func ModulesWith[T any](
	name, namespace, inlineKey string, into *[]T, shape func(*T) (module *json.RawMessage, settings Param),
) Param {
	read := func(d *Dispenser) error {
		var element T
		module, settings := shape(&element)
		raw, err := readModule(d, namespace, inlineKey, flatten([]Param{settings})...)
		if err != nil {
			return err
		}
		*module = raw
		*into = append(*into, element)
		return nil
	}
	return Param{name: name, whole: true, repeat: true, read: read}
}

// settingsKey is where a dispenser has the names of the settings that readSettings took out.
const settingsKey = "settings"

// readSettings reads the settings in the block of a module, and returns the tokens of the module
// without them. A block that has nothing else is left out.
func readSettings(d *Dispenser, settings []Param) (*Dispenser, error) {
	segment := d.NextSegment()
	if len(settings) == 0 {
		return caddyfile.NewDispenser(segment), nil
	}
	d = caddyfile.NewDispenser(segment)
	d.Next()
	head := 1 + len(d.RemainingArgs())
	var block caddyfile.Segment
	seen := make(map[string]string)
	for d.NextBlock(0) {
		if _, known := find(settings, d.Val()); !known {
			block = append(block, d.NextSegment()...)
		} else if err := readOption(d, settings, seen); err != nil {
			return nil, err
		}
	}
	rest := slices.Clone(segment[:head])
	if len(block) > 0 {
		rest = slices.Concat(rest, segment[head:head+1], block, segment[len(segment)-1:])
	}
	without := caddyfile.NewDispenser(rest)
	without.SetContext(settingsKey, names(settings))
	return without, nil
}

// settingsBeside returns the names of the settings that may stand beside the options at this place.
func settingsBeside(d *Dispenser) []string {
	if beside, ok := d.GetContext(settingsKey).([]string); ok && d.Nesting() == 1 {
		return beside
	}
	return nil
}
