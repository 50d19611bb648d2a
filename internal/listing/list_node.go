package listing

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
)

// node is a value of a JSON or YAML text, with its line.
type node struct {
	kind     kind
	name     string // the name of the field, if the parent is an object
	text     string // the text of a scalar as it was written
	line     int
	children []node
}

type kind int

const (
	kindNull kind = iota
	kindBool
	kindNumber
	kindText
	kindList
	kindObject
)

func (k kind) String() string {
	return [...]string{"null", "a boolean", "a number", "text", "a list", "an object"}[k]
}

// child returns the value of a field, nil if it is missing.
func (n *node) child(name string) *node {
	for i := range n.children {
		if n.children[i].name == name {
			return &n.children[i]
		}
	}
	return nil
}

// info decodes one entry. A missing weight is 1.
func (n *node) info() (Info, error) {
	i := Info{Weight: 1}
	switch n.kind {
	case kindText:
		i.Address = n.text
		return i, nil
	case kindObject:
		return i, n.decodeFields(&i)
	}
	return i, fmt.Errorf("is %s; expected an address or an object with an address", n.kind)
}

func (n *node) decodeFields(i *Info, more ...TextField) error {
	seen := make([]string, 0, 8) // few entries have more fields, and an unknown one ends the loop
	for c := range n.children {
		field := &n.children[c]
		if slices.Contains(seen, field.name) {
			return field.errorf("is there twice")
		}
		seen = append(seen, field.name)
		if err := i.decodeField(field, more); err != nil {
			return err
		}
	}
	return nil
}

func (i *Info) decodeField(field *node, more []TextField) error {
	switch field.name {
	case "address":
		return field.decodeText(&i.Address)
	case "weight":
		return field.decodeInt(&i.Weight, MaxWeight)
	case "id":
		return field.decodeText(&i.ID)
	case "zone":
		return field.decodeText(&i.Zone)
	case "priority":
		return field.decodeInt(&i.Priority, MaxCount)
	case "max_requests":
		return field.decodeInt(&i.MaxRequests, MaxCount)
	case "draining":
		return field.decodeBool(&i.Draining)
	case "metadata":
		return field.decodeMap(&i.Metadata)
	}
	known := "address, weight, id, zone, priority, max_requests, draining"
	for _, f := range more {
		if field.name == f.Name {
			return field.decodeText(f.Value)
		}
		known += ", " + f.Name
	}
	return field.unknownField(known + " and metadata")
}

func (n *node) decodeText(s *string) error {
	switch n.kind {
	case kindText:
		*s = n.text
		return nil
	case kindNumber, kindBool:
		return n.errorf("%s is %s; expected text, so put it in quotes", plain(n.text), n.kind)
	}
	return n.errorf("is %s; expected text", n.kind)
}

// decodeInt accepts plain decimal digits only. YAML's other spellings depend on the parser (010 is
// 8 in YAML 1.1 and 10 in YAML 1.2), and JSON has no others.
func (n *node) decodeInt(i *int, max int) error {
	if n.kind != kindNumber {
		return n.errorf("is %s; expected a whole number between 0 and %d", n.kind, max)
	}
	parsed, err := strconv.Atoi(n.text)
	switch {
	case errors.Is(err, strconv.ErrRange), err == nil && (parsed < 0 || parsed > max):
		return n.errorf("%s is not between 0 and %d", plain(n.text), max)
	case err != nil || strconv.Itoa(parsed) != n.text:
		return n.errorf("%s is not a whole number in decimal digits", plain(n.text))
	}
	*i = parsed
	return nil
}

func (n *node) decodeBool(b *bool) error {
	parsed, err := strconv.ParseBool(n.text)
	if n.kind != kindBool || err != nil {
		return n.errorf("is %s; expected true or false", n.kind)
	}
	*b = parsed
	return nil
}

// decodeMap keeps numbers and booleans as they were written, so that a version 1.10 stays 1.10.
func (n *node) decodeMap(m *map[string]string) error {
	if n.kind != kindObject {
		return n.errorf("is %s; expected an object", n.kind)
	}
	if len(n.children) == 0 {
		return nil
	}
	*m = make(map[string]string, len(n.children))
	for i := range n.children {
		field := &n.children[i]
		if _, duplicate := (*m)[field.name]; duplicate {
			return &lineError{field.line, n.errorf("%s is there twice", quoted(field.name))}
		}
		if field.kind == kindNull || field.kind == kindList || field.kind == kindObject {
			return &lineError{field.line, n.errorf("%s is %s; expected text", quoted(field.name), field.kind)}
		}
		(*m)[field.name] = field.text
	}
	return nil
}
