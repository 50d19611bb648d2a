package listing

import "fmt"

// isGroup reports whether an entry has a field that only groups of targets have.
func (n *node) isGroup() bool {
	return n.kind == kindObject && (n.child("targets") != nil || n.child("labels") != nil)
}

// addGroup adds a group in the format of Prometheus' file_sd and http_sd:
// {"targets":["10.0.0.7:8080"],"labels":{"zone":"eu-1a"}}. The labels weight and zone set these
// fields. Every other label, __meta_* too, is metadata under its own name. That includes id,
// because the targets of a group share its labels, whereas an ID belongs to one endpoint.
//
// As in Prometheus, targets and labels that are null or missing are empty. A mistake costs only the
// target, the label or the field that has it.
func (b *listBuilder) addGroup(entry int, group *node) {
	shared := Info{Weight: 1}
	if labels := group.child("labels"); labels != nil {
		labels.decodeLabels(&shared, func(err error) { b.drop(group.inEntry(entry, err)) })
	}
	b.drop(group.inEntry(entry, group.checkGroup()))
	targets := group.child("targets")
	if targets == nil {
		return
	}
	if err := b.addLabels(&shared, len(targets.children)); err != nil {
		b.drop(group.inEntry(entry, err))
		return
	}
	for i := range targets.children {
		b.addTarget(entry, &targets.children[i], shared)
	}
}

// checkGroup returns an error about the first field of a group that is unknown or there twice, or
// about targets that are not a list.
func (n *node) checkGroup() error {
	targets, labels := n.child("targets"), n.child("labels")
	if targets != nil && targets.kind != kindList && targets.kind != kindNull {
		return targets.errorf("is %s; expected a list of addresses", targets.kind)
	}
	for i := range n.children {
		switch field := &n.children[i]; {
		case field == targets || field == labels:
		case field.name == "targets" || field.name == "labels":
			return field.errorf("is there twice")
		default:
			return field.unknownField("targets and labels")
		}
	}
	return nil
}

// addTarget adds one target of a group. All of its targets share the labels.
func (b *listBuilder) addTarget(entry int, target *node, shared Info) {
	target.name = "targets"
	err := target.decodeText(&shared.Address)
	if err == nil {
		err = b.addInfo(origin{entry, target.line, true}, shared)
	}
	b.drop(target.inEntry(entry, err))
}

// addLabels counts the metadata of a group once for each target. A short list must not stand for
// one that exceeds the maximum size when it is written out, as it is when the list is stored.
func (b *listBuilder) addLabels(shared *Info, targets int) error {
	size := 0
	for name, value := range shared.Metadata {
		size += len(name) + len(value)
	}
	if size*targets > MaxListSize-b.labelSize {
		return &fieldError{"labels", fmt.Errorf("are %d bytes at each of %d targets; "+
			"those of all targets together may have %d", size, targets, MaxListSize)}
	}
	b.labelSize += size * targets
	return nil
}

// decodeLabels reads the labels of a group. A label with a mistake is left out and reported. One
// that is null is left out, because Prometheus takes it for a missing one.
func (n *node) decodeLabels(i *Info, report func(error)) {
	if n.kind != kindObject && n.kind != kindNull {
		report(n.errorf("is %s; expected an object", n.kind))
		return
	}
	labels := make(map[string]string, len(n.children))
	for c := range n.children {
		if label := &n.children[c]; label.kind != kindNull {
			report(n.decodeLabel(label, labels, i))
		}
	}
	delete(labels, "zone")
	delete(labels, "weight")
	if len(labels) > 0 {
		i.Metadata = labels
	}
}

// decodeLabel reads one label into labels, and into the field that it sets. n is all labels.
func (n *node) decodeLabel(label *node, labels map[string]string, i *Info) error {
	switch _, twice := labels[label.name]; {
	case twice:
		return &lineError{label.line, n.errorf("%s is there twice", quoted(label.name))}
	case label.kind == kindList || label.kind == kindObject:
		return &lineError{label.line, n.errorf("%s is %s; expected text", quoted(label.name), label.kind)}
	case hasControl(label.name) || hasControl(label.text):
		err := n.errorf("%s: %s has a control character", quoted(label.name), quoted(label.text))
		return &lineError{label.line, err}
	}
	labels[label.name] = label.text
	switch {
	case label.name == "zone":
		i.Zone = label.text
	case label.name == "weight" && label.text != "":
		weight := *label // labels are text, even where they hold a number
		weight.kind = kindNumber
		return weight.decodeInt(&i.Weight, MaxWeight)
	}
	return nil
}
