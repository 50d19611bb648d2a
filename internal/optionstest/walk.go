package optionstest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
)

// walk finds the options of one module.
type walk struct {
	t      *testing.T
	module string
	found  []Option
}

// fields finds the options among the fields of a struct, and of structs in it.
func (w *walk) fields(of reflect.Type, path []step) {
	docs := docsOf(w.t, of)
	for i := range of.NumField() {
		f := of.Field(i)
		if f.Anonymous && f.Tag.Get("json") == "" {
			w.fields(indirect(f.Type), path)
			continue
		}
		name := jsonName(f)
		if name == "" || name == "-" || !f.IsExported() {
			continue
		}
		w.field(f.Type, docs[f.Name], append(append([]step(nil), path...), step{name: name}))
	}
}

// field finds the options of one field.
func (w *walk) field(kind reflect.Type, doc string, path []step) {
	switch kind = indirect(kind); kind.Kind() {
	case reflect.Struct:
		if isOurs(kind) {
			w.fields(kind, path)
		}
	case reflect.Slice:
		if element := indirect(kind.Elem()); element.Kind() == reflect.Struct && isOurs(element) {
			path[len(path)-1].inList = true
			w.fields(element, path)
		}
	case reflect.Bool, reflect.Int, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint32, reflect.Uint64,
		reflect.Float32, reflect.Float64:
		w.found = append(w.found, Option{w.module, path, doc, kind})
	}
}

func isOurs(kind reflect.Type) bool { return strings.HasPrefix(kind.PkgPath(), core) }

func indirect(kind reflect.Type) reflect.Type {
	if kind.Kind() == reflect.Pointer {
		return kind.Elem()
	}
	return kind
}

// docsOf returns the comments of the fields of a struct, from its source.
func docsOf(t *testing.T, of reflect.Type) map[string]string {
	t.Helper()
	_, here, _, _ := runtime.Caller(0)
	folder := filepath.Join(filepath.Dir(here), "../..", strings.TrimPrefix(of.PkgPath(), core))
	docs := make(map[string]string)
	for _, file := range filesOf(t, folder) {
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok || spec.Name.Name != of.Name() {
				return true
			}
			if s, ok := spec.Type.(*ast.StructType); ok {
				for _, f := range s.Fields.List {
					for _, name := range f.Names {
						docs[name.Name] = f.Doc.Text()
					}
				}
			}
			return false
		})
	}
	return docs
}

// filesOf returns the source files of a folder without its tests.
func filesOf(t *testing.T, folder string) []*ast.File {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, e := range entries {
		name := e.Name()
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(folder, name), nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}
