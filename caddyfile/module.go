package caddyfile

import (
	"encoding/json"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// Module is an option that holds a module of a namespace: the module's name, then the tokens that
// the module itself reads. Its JSON is stored with the name under inlineKey.
func Module(name, namespace, inlineKey string, into *json.RawMessage) Param {
	return Param{name: name, whole: true, read: func(d *Dispenser) (err error) {
		*into, err = readModule(d, namespace, inlineKey)
		return err
	}}
}

// Modules is a Module that may be given many times. Each one is added to the list.
func Modules(name, namespace, inlineKey string, into *[]json.RawMessage) Param {
	var one json.RawMessage
	p := appending(Module(name, namespace, inlineKey, &one), into, &one)
	p.repeat = true
	return p
}

// Guest is an option whose block is read by the module with the given ID. It stores the module's
// JSON, without a name, because the field can hold no other module.
func Guest(name, id string, into *json.RawMessage) Param {
	return Param{name: name, whole: true, named: true, read: func(d *Dispenser) error {
		module, err := caddyfile.UnmarshalModule(d, id)
		if err != nil {
			return err
		}
		*into, err = json.Marshal(module)
		return err
	}}
}

// readModule reads the name of a module and lets the module read the rest, except for the settings.
func readModule(d *Dispenser, namespace, inlineKey string, settings ...Param) (json.RawMessage, error) {
	if !d.NextArg() {
		return nil, d.Errf("missing value; expected %s", known(namespace))
	}
	name, id := d.Val(), namespace+"."+d.Val()
	info, err := caddy.GetModule(id)
	if err != nil {
		return nil, d.Errf("module '%s' is unknown or not built in; expected %s", name, known(namespace))
	}
	module, ok := info.New().(Unmarshaler)
	if !ok {
		return nil, d.Errf("module '%s' cannot be written in a Caddyfile", name)
	}
	rest, err := readSettings(d, settings)
	if err != nil {
		return nil, err
	}
	if err := module.UnmarshalCaddyfile(rest); err != nil {
		return nil, err
	}
	var warnings []caddyconfig.Warning
	object := caddyconfig.JSONModuleObject(module, inlineKey, name, &warnings)
	if len(warnings) > 0 {
		return nil, d.Errf("%s cannot be written as JSON: %s", name, warnings[0].Message)
	}
	return object, nil
}

func known(namespace string) string {
	var list []string
	for _, info := range caddy.GetModules(namespace) {
		list = append(list, info.ID.Name())
	}
	return oneOf(list)
}
