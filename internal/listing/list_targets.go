package listing

import "errors"

// addTargets adds a group in the format of Prometheus' file_sd and http_sd:
// {"targets":["10.0.0.7:8080"],"labels":{"zone":"eu-1a"}}. The labels weight and zone set these
// fields. Every other label, __meta_* too, is metadata under its own name. That includes id,
// because the targets of a group share its labels, whereas an ID belongs to one endpoint.
func (b *listBuilder) addTargets(entry int, group *node) error {
	targets, shared, err := group.targets()
	if err != nil {
		return group.inEntry(entry, err)
	}
	for i := range targets {
		target := &targets[i]
		target.name = "targets"
		info := shared // and its metadata, because nothing changes an Info
		if err = target.decodeText(&info.Address); err == nil {
			err = b.addInfo(entry, target.line, info)
		}
		if err != nil {
			return target.inEntry(entry, err)
		}
	}
	return nil
}

// targets returns the addresses of a group, and the fields that all of them share.
func (n *node) targets() (targets []node, shared Info, err error) {
	shared.Weight = 1
	for i := range n.children {
		field := &n.children[i]
		switch {
		case n.child(field.name) != field:
			return nil, shared, field.errorf("is there twice")
		case field.name == "labels":
			err = field.decodeLabels(&shared)
		case field.name != "targets":
			err = field.unknownField("targets and labels")
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

func (n *node) decodeLabels(i *Info) error {
	if err := n.decodeMap(&i.Metadata); err != nil {
		return err
	}
	if zone, ok := i.Metadata["zone"]; ok {
		i.Zone = zone
		delete(i.Metadata, "zone")
	}
	if _, ok := i.Metadata["weight"]; ok {
		weight := *n.child("weight") // labels are text, even where they hold a number
		weight.kind = kindNumber
		delete(i.Metadata, "weight")
		return weight.decodeInt(&i.Weight, MaxWeight)
	}
	return nil
}
