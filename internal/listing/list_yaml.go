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
	r := yamlReader{anchors: make(map[*yaml.Node]anchored)}
	return r.value(doc.Content[0])
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

// yamlReader converts YAML nodes. The values behind an anchor are converted once, and all of its
// aliases share them.
type yamlReader struct {
	anchors map[*yaml.Node]anchored
	values  int // converted so far, with those that aliases stand for
	aliased int // those that aliases stand for
}

// anchored is what an anchor stands for.
type anchored struct {
	node   node
	values int
}

// maxAliased is the maximum number of values that the aliases of a list stand for together: room
// for ten labels at each of 25,000 groups. A few bytes of aliases can stand for any number of
// values.
const maxAliased = 1 << 18

func (r *yamlReader) value(y *yaml.Node) (node, error) {
	if y.Kind == yaml.AliasNode {
		return r.alias(y)
	}
	n := node{line: y.Line}
	var known bool
	if n.kind, known = yamlKinds[y.ShortTag()]; !known {
		return n, &lineError{y.Line, fmt.Errorf("tag %s is not known", quoted(y.Tag))}
	}
	before := r.values
	r.values++
	var err error
	switch y.Kind {
	case yaml.MappingNode:
		err = r.addFields(&n, y.Content)
	case yaml.SequenceNode:
		err = r.addItems(&n, y.Content)
	default:
		n.text = y.Value
	}
	if y.Anchor != "" {
		r.anchors[y] = anchored{n, r.values - before}
	}
	return n, err
}

func (r *yamlReader) alias(y *yaml.Node) (node, error) {
	of, complete := r.anchors[y.Alias]
	if !complete {
		return node{}, &lineError{y.Line, fmt.Errorf("alias %s stands for a value that contains it", quoted(y.Value))}
	}
	r.values += of.values
	if r.aliased += of.values; r.aliased > maxAliased {
		return node{}, &lineError{y.Line, fmt.Errorf("alias %s: "+
			"the aliases of the list stand for more than %d values", quoted(y.Value), maxAliased)}
	}
	of.node.line = y.Line
	return of.node, nil
}

// yamlKinds has the tags that a list may use. A timestamp is text: only YAML 1.1 reads 2024-01-01
// as more than what is written.
var yamlKinds = map[string]kind{
	"!!null": kindNull, "!!bool": kindBool, "!!int": kindNumber, "!!float": kindNumber,
	"!!str": kindText, "!!timestamp": kindText, "!!seq": kindList, "!!map": kindObject,
}

func (r *yamlReader) addItems(n *node, items []*yaml.Node) error {
	n.children = make([]node, len(items))
	for i, item := range items {
		child, err := r.value(item)
		if err != nil {
			return err
		}
		n.children[i] = child
	}
	return nil
}

func (r *yamlReader) addFields(n *node, pairs []*yaml.Node) error {
	n.children = make([]node, 0, len(pairs)/2)
	var merged []node
	for i := 0; i < len(pairs); i += 2 {
		key := pairs[i]
		if key.Kind != yaml.ScalarNode {
			return &lineError{key.Line, errors.New("the name of a field is not text")}
		}
		child, err := r.value(pairs[i+1])
		if err != nil {
			return err
		}
		child.name, child.line = key.Value, key.Line
		if key.ShortTag() == "!!merge" {
			merged = append(merged, child)
		} else {
			n.children = append(n.children, child)
		}
	}
	return n.merge(merged)
}

// merge adds the fields of merge keys (<<) that the object lacks. The value of a merge key is an
// object or a list of objects, of which the first one with a field counts.
func (n *node) merge(keys []node) error {
	if len(keys) == 0 {
		return nil
	}
	has := make(map[string]bool)
	for i := range n.children {
		has[n.children[i].name] = true
	}
	for _, key := range keys {
		objects := []node{key}
		if key.kind == kindList {
			objects = key.children
		}
		for _, object := range objects {
			if object.kind != kindObject {
				err := fmt.Errorf("<<: is %s; expected an object or a list of objects", object.kind)
				return &lineError{key.line, err}
			}
			n.addMissing(object.children, has)
		}
	}
	return nil
}

func (n *node) addMissing(fields []node, has map[string]bool) {
	for _, field := range fields {
		if !has[field.name] {
			has[field.name] = true
			n.children = append(n.children, field)
		}
	}
}
