package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// said is what the code says: its log messages with their levels, and its events.
type said struct {
	levels map[string]string // by message
	events map[string]bool
}

// silent are folders whose log lines no user sees.
var silent = []string{".github", "examples", "e2e"}

// readCode finds what the code below root says. Examples and tests of real registries say nothing
// to users.
func readCode(t *testing.T, root string) said {
	t.Helper()
	s := said{make(map[string]string), make(map[string]bool)}
	consts := make(map[string]string)
	var files []*ast.File
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != root && (passedOver(entry.Name()) || slices.Contains(silent, entry.Name())):
			return fs.SkipDir
		case entry.IsDir() || filepath.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err == nil && imports(file, "go.uber.org/zap") {
			files = append(files, file)
			readConsts(file, consts)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				s.readCall(n)
			case *ast.KeyValueExpr:
				s.readEntry(n, consts)
			}
			return true
		})
	}
	if len(s.levels) == 0 || len(s.events) == 0 {
		t.Fatalf("found %d log messages and %d events in the code", len(s.levels), len(s.events))
	}
	return s
}

func imports(file *ast.File, path string) bool {
	for _, spec := range file.Imports {
		if strings.HasPrefix(strings.Trim(spec.Path.Value, `"`), path) {
			return true
		}
	}
	return false
}

func readConsts(file *ast.File, into map[string]string) {
	for _, decl := range file.Decls {
		general, ok := decl.(*ast.GenDecl)
		if !ok || general.Tok != token.CONST {
			continue
		}
		for _, spec := range general.Specs {
			value := spec.(*ast.ValueSpec)
			for i, name := range value.Names {
				if i < len(value.Values) {
					if text, ok := literal(value.Values[i]); ok {
						into[name.Name] = text
					}
				}
			}
		}
	}
}

// readCall takes `log.Warn("message", ...)` and `log.Check(zap.DebugLevel, "message")`.
func (s *said) readCall(call *ast.CallExpr) {
	method, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || len(call.Args) == 0 {
		return
	}
	switch method.Sel.Name {
	case "Debug", "Info", "Warn", "Error":
		if text, ok := literal(call.Args[0]); ok {
			s.levels[text] = strings.ToLower(method.Sel.Name)
		}
	case "Check":
		if len(call.Args) == 2 {
			if text, ok := literal(call.Args[1]); ok {
				s.levels[text] = levelOf(call.Args[0])
			}
		}
	}
}

// readEntry takes an event with its message and level, such as `BecameHealthy: {"endpoint is
// healthy", zap.InfoLevel}`.
func (s *said) readEntry(entry *ast.KeyValueExpr, consts map[string]string) {
	value, ok := entry.Value.(*ast.CompositeLit)
	if !ok || len(value.Elts) != 2 {
		return
	}
	text, isText := literal(value.Elts[0])
	level := levelOf(value.Elts[1])
	if !isText || level == "" {
		return
	}
	s.levels[text] = level
	switch key := entry.Key.(type) {
	case *ast.Ident:
		s.events[consts[key.Name]] = true
	case *ast.BasicLit:
		name, _ := literal(key)
		s.events[name] = true
	}
}

func levelOf(e ast.Expr) string {
	if selector, ok := e.(*ast.SelectorExpr); ok {
		if level, ok := strings.CutSuffix(selector.Sel.Name, "Level"); ok {
			return strings.ToLower(level)
		}
	}
	return ""
}

func literal(e ast.Expr) (string, bool) {
	basic, ok := e.(*ast.BasicLit)
	if !ok || basic.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(basic.Value)
	return text, err == nil
}

// Logs compares the tables of log lines and events in the pages with the code. What a page quotes
// is logged at that level, and what the code logs above the level debug is in a page.
func Logs(t *testing.T, root string, pages []string) {
	t.Helper()
	code := readCode(t, root)
	messages, events := make(map[string]bool), make(map[string]bool)
	for _, name := range pages {
		p := readPage(t, root, name)
		for _, table := range p.tables {
			switch table.head[0] {
			case "log line":
				p.checkMessages(t, table, code, messages)
			case "event":
				p.checkEvents(t, table, code, events)
			}
		}
		p.checkQuotes(t, code)
	}
	for message, level := range code.levels {
		if level != "debug" && !messages[message] {
			t.Errorf("no page has the log line %q (%s)", message, level)
		}
	}
	for event := range code.events {
		if !events[event] {
			t.Errorf("no page has the event %q", event)
		}
	}
}

func (p *page) checkMessages(t *testing.T, table table, code said, messages map[string]bool) {
	t.Helper()
	for _, row := range table.rows {
		for _, message := range quoted(row[0]) {
			messages[message] = true
			switch level := code.levels[message]; {
			case level == "":
				t.Errorf("%s:%d: no code logs %q", p.path, table.line, message)
			case len(row) < 2 || row[1] != level:
				t.Errorf("%s:%d: %q is logged at level %s", p.path, table.line, message, level)
			}
		}
	}
}

// messageStart is how our log messages begin, and what a page quotes else does not.
var messageStart = regexp.MustCompile(`^(pool|endpoint|checked endpoint|discovery:?|storing|the stored list) [a-z]`)

// checkQuotes looks for log lines that are quoted outside of tables.
func (p *page) checkQuotes(t *testing.T, code said) {
	t.Helper()
	for _, l := range p.prose {
		for _, text := range quoted(l.text) {
			if messageStart.MatchString(text) && code.levels[text] == "" {
				t.Errorf("%s:%d: no code logs %q", p.path, l.number, text)
			}
		}
	}
}

func (p *page) checkEvents(t *testing.T, table table, code said, events map[string]bool) {
	t.Helper()
	for _, row := range table.rows {
		for _, event := range quoted(row[0]) {
			events[event] = true
			if !code.events[event] {
				t.Errorf("%s:%d: no code emits the event %q", p.path, table.line, event)
			}
		}
	}
}
