package listing

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"go.yaml.in/yaml/v4"
)

func parseYAML(data []byte) (node, error) {
	loader, err := yaml.NewLoader(bytes.NewReader(data))
	if err != nil {
		return node{}, err
	}
	var doc, second yaml.Node
	switch err := loader.Load(&doc); {
	case errors.Is(err, io.EOF):
		return node{}, nil
	case err != nil:
		return node{}, yamlError(data, err)
	}
	switch err := loader.Load(&second); {
	case err == nil:
		return node{}, &lineError{second.Line, errors.New("a second document starts here; expected one list")}
	case !errors.Is(err, io.EOF):
		return node{}, yamlError(data, err)
	}
	return fromYAML(doc.Content[0])
}

func yamlError(data []byte, err error) error {
	var at *yaml.LoadError
	if !errors.As(err, &at) {
		return err
	}
	line := at.Mark.Line
	if line == 0 { // an invalid character has an offset only
		line = lineAt(data, min(at.Mark.Index, len(data)))
	}
	return &lineError{line, errors.New(at.Message)}
}

// fromYAML converts a YAML node. It refuses aliases: programs that write lists need none, and a few
// bytes of them can stand for any number of values.
func fromYAML(y *yaml.Node) (node, error) {
	n := node{line: y.Line}
	var known bool
	if y.Kind == yaml.AliasNode {
		err := fmt.Errorf("alias %s: aliases are not allowed; write the value out", quoted(y.Value))
		return n, &lineError{y.Line, err}
	}
	if n.kind, known = yamlKinds[y.ShortTag()]; !known {
		return n, &lineError{y.Line, fmt.Errorf("tag %s is not known", quoted(y.Tag))}
	}
	switch y.Kind {
	case yaml.MappingNode:
		return n, n.addFields(y.Content)
	case yaml.SequenceNode:
		return n, n.addItems(y.Content)
	}
	n.text = y.Value
	return n, nil
}

// yamlKinds has the tags that a list may use. A timestamp is text: only YAML 1.1 reads 2024-01-01
// as more than what is written.
var yamlKinds = map[string]kind{
	"!!null": kindNull, "!!bool": kindBool, "!!int": kindNumber, "!!float": kindNumber,
	"!!str": kindText, "!!timestamp": kindText, "!!seq": kindList, "!!map": kindObject,
}

func (n *node) addItems(items []*yaml.Node) error {
	n.children = make([]node, len(items))
	for i, item := range items {
		child, err := fromYAML(item)
		if err != nil {
			return err
		}
		n.children[i] = child
	}
	return nil
}

func (n *node) addFields(pairs []*yaml.Node) error {
	n.children = make([]node, len(pairs)/2)
	for i := range n.children {
		key := pairs[2*i]
		if key.Kind != yaml.ScalarNode {
			return &lineError{key.Line, errors.New("the name of a field is not text")}
		}
		child, err := fromYAML(pairs[2*i+1])
		if err != nil {
			return err
		}
		child.name, child.line = key.Value, key.Line
		n.children[i] = child
	}
	return nil
}
