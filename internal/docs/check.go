package docs

import (
	"strings"
	"testing"
)

// Check compares one page with the code and with the modules of the binary. root leads to the root
// of the repository.
func Check(t *testing.T, root, name string) {
	t.Helper()
	p := readPage(t, root, name)
	p.checkLinks(t)
	if strings.HasPrefix(name, "docs/") || name == "README.md" {
		p.checkLanguage(t)
	}
	p.checkOptions(t)
	p.checkSnippets(t)
	if len(p.modules()) > 0 {
		p.checkSections(t)
	}
}

// CheckText compares one page with the code as far as that needs no modules.
func CheckText(t *testing.T, root, name string) {
	t.Helper()
	p := readPage(t, root, name)
	p.checkLinks(t)
	p.checkLanguage(t)
	p.checkSections(t)
}
