package docs

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// What the pages for users do without, see the rules of the language in CONTRIBUTING.md.
var (
	avoided   = regexp.MustCompile(`(?i)\b(whoever|nobody|somebody|anew|heeds?|heeded|told|as often as not)\b`)
	sentences = regexp.MustCompile(`[a-z0-9)*][.!?] [A-Z]`)
	numbered  = regexp.MustCompile(`^ *\d+\. `)
)

func (p *page) checkLanguage(t *testing.T) {
	t.Helper()
	for _, l := range p.prose {
		text := codePattern.ReplaceAllString(l.text, "code")
		if word := avoided.FindString(text); word != "" {
			t.Errorf("%s:%d: %q is to be avoided", p.path, l.number, word)
		}
		if sentences.MatchString(numbered.ReplaceAllString(text, "")) {
			t.Errorf("%s:%d: two sentences on one line", p.path, l.number)
		}
	}
	for _, table := range p.tables {
		for _, row := range table.rows {
			if word := avoided.FindString(codePattern.ReplaceAllString(strings.Join(row, " "), "code")); word != "" {
				t.Errorf("%s:%d: %q is to be avoided", p.path, table.line, word)
			}
		}
	}
}

// sections are what the page of a module has, in this order. Others may stand between them.
var sections = []string{"When to use it", "Caddyfile", "JSON", "Options", "When it fails", "Log lines and events"}

func (p *page) checkSections(t *testing.T) {
	t.Helper()
	at := 0
	for _, section := range sections {
		i := slices.Index(p.headings[at:], section)
		if i < 0 {
			t.Errorf("%s: no section %q after %q", p.path, section, p.headings[max(0, at-1)])
			return
		}
		at += i + 1
	}
}
