package listing

import (
	"errors"
	"maps"
)

// addTargets adds a group as Prometheus' file_sd and http_sd have it:
// {"targets":["10.0.0.7:8080"],"labels":{"zone":"eu-1a"}}. The labels weight and zone set
// these fields; every other label, __meta_* too, is metadata under its own name. An id is
// metadata as well, since the targets of a group share its labels and an ID is one endpoint's.
func (l *list) addTargets(entry int, group *node) error {
	targets, shared, err := group.targets()
	if err != nil {
		return group.inEntry(entry, err)
	}
	for i := range targets {
		target := &targets[i]
		target.name = "targets"
		info := shared
		info.Metadata = maps.Clone(shared.Metadata)
		if err = target.into(&info.Address); err == nil {
			err = l.addInfo(entry, target.line, info)
		}
		if err != nil {
			return target.inEntry(entry, err)
		}
	}
	return nil
}

// targets gives the addresses of a group and what they have in common.
func (n *node) targets() (targets []node, shared Info, err error) {
	shared.Weight = 1
	for i := range n.children {
		field := &n.children[i]
		switch {
		case n.child(field.name) != field:
			return nil, shared, field.errorf("is there twice")
		case field.name == "labels":
			err = field.intoLabels(&shared)
		case field.name != "targets":
			err = field.unknown("targets and labels")
		case field.kind != kindList:
			err = field.errorf("is %s; expected a list of addresses", field.kind)
		default:
			targets = field.children
		}
		if err != nil {
			return nil, shared, err
		}
	}
	if n.child("targets") == nil {
		return nil, shared, &fieldError{"targets", errors.New("is missing; expected a list of addresses")}
	}
	return targets, shared, nil
}

func (n *node) intoLabels(i *Info) error {
	if err := n.intoMap(&i.Metadata); err != nil {
		return err
	}
	if zone, ok := i.Metadata["zone"]; ok {
		i.Zone = zone
		delete(i.Metadata, "zone")
	}
	if _, ok := i.Metadata["weight"]; ok {
		weight := *n.child("weight") // a label is text, also if it is a number
		weight.kind = kindNumber
		delete(i.Metadata, "weight")
		return weight.intoInt(&i.Weight, MaxWeight)
	}
	return nil
}
