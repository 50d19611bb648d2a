package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	_ "github.com/caddy-balance/caddy-balance"
	_ "github.com/caddy-balance/caddy-balance/examples/quickstart/delay" // examples use it
)

const root = "../.."

func TestPagesAgreeWithTheCode(t *testing.T) {
	apart := pagesOfOtherModules(t)
	for _, name := range Pages(t, root) {
		t.Run(name, func(t *testing.T) {
			if folder, ok := apart[name]; ok {
				CheckText(t, root, name)
				checkedBy(t, folder, name)
				return
			}
			Check(t, root, name)
		})
	}
}

// pagesOfOtherModules are the pages of modules that this binary lacks, by the folder of the module.
func pagesOfOtherModules(t *testing.T) map[string]string {
	folders, err := filepath.Glob(filepath.Join(root, "discovery", "*", "go.mod"))
	if err != nil || len(folders) == 0 {
		t.Fatalf("no sources with a module of their own (%v)", err)
	}
	pages := make(map[string]string)
	for _, file := range folders {
		folder := filepath.Dir(file)
		pages[PageOf("source "+filepath.Base(folder))] = folder
	}
	pages["docs/layer4.md"] = filepath.Join(root, "layer4")
	pages["docs/database-probes.md"] = filepath.Join(root, "healthprobe", "databases")
	return pages
}

// checkedBy wants a test in a folder that calls Check for a page.
func checkedBy(t *testing.T, folder, name string) {
	text, err := os.ReadFile(filepath.Join(folder, "docs_test.go"))
	up, _ := filepath.Rel(folder, root)
	if err != nil || !strings.Contains(string(text), `docs.Check(t, "`+filepath.ToSlash(up)+`", "`+name+`")`) {
		t.Errorf("%s: no test of the module checks it (%v)", name, err)
	}
}

func TestEveryModuleHasAPage(t *testing.T) {
	for module, id := range ourModules() {
		if strings.HasPrefix(id, "http.reverse_proxy.") {
			if _, err := os.Stat(filepath.Join(root, PageOf(module))); err != nil || PageOf(module) == "" {
				t.Errorf("%s: no page %s", id, PageOf(module))
			}
		}
	}
}

func TestLogLinesAndEventsAreThoseOfTheCode(t *testing.T) {
	var pages []string
	for _, name := range Pages(t, root) {
		if strings.HasPrefix(name, "docs/") {
			pages = append(pages, name)
		}
	}
	Logs(t, root, pages)
}

func TestFieldsOfAnEndpointAreThoseOfTheCode(t *testing.T) {
	readPage(t, root, "docs/endpoints.md").checkFields(t)
}

func TestTheIndexHasEveryPage(t *testing.T) {
	index := readPage(t, root, "docs/README.md")
	for _, name := range Pages(t, root) {
		inside, ok := strings.CutPrefix(name, "docs/")
		linked := func(l link) bool { return l.target == inside }
		if ok && inside != "README.md" && !slices.ContainsFunc(index.links, linked) {
			t.Errorf("docs/README.md has no link to %s", inside)
		}
	}
}

// What tools and people rely on: the gate extracts commands, and readers have a screen.
func TestTheReadmeIsShortAndHasWhatTheGateTakesFromIt(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	if lines := strings.Count(text, "\n"); lines > 150 {
		t.Errorf("README.md has %d lines; expected at most 150", lines)
	}
	for _, want := range []string{
		"(?m)^## Tests\n\n    go test \\./\\.\\.\\.$",
		"(?m)^### Build from a checkout\n(?s:.*?)```sh\n(?s:.*?)xcaddy build(?s:.*?)```$",
		"(?m)^```mermaid$",
	} {
		if !regexp.MustCompile(want).MatchString(text) {
			t.Errorf("README.md has no match of %s", want)
		}
	}
}
