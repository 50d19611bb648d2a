package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// page is a Markdown file as far as tests go by it.
type page struct {
	root, path string // path is relative to root, with slashes
	headings   []string
	anchors    []string
	links      []link
	fences     []fence
	tables     []table
	prose      []line // neither code nor table
}

type line struct {
	number int
	text   string
}

type link struct {
	line   int
	target string
}

// fence is a block of code.
type fence struct {
	line int
	info string
	text string
}

// table is a head and rows of cells, as they are written.
type table struct {
	line int
	head []string
	rows [][]string
}

var (
	linkPattern = regexp.MustCompile(`\]\(([^()\s]+)\)`)
	codePattern = regexp.MustCompile("`[^`]*`")
)

func readPage(t *testing.T, root, name string) *page {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	p := &page{root: root, path: name}
	p.parse(strings.Split(strings.ReplaceAll(string(data), "\r\n", "\n"), "\n"))
	return p
}

func (p *page) parse(lines []string) {
	for i := 0; i < len(lines); i++ {
		text := strings.TrimRight(lines[i], " ")
		switch {
		case strings.HasPrefix(text, "```"):
			end := i + 1
			for end < len(lines) && !strings.HasPrefix(lines[end], "```") {
				end++
			}
			code := strings.Join(lines[i+1:min(end, len(lines))], "\n") + "\n"
			p.fences = append(p.fences, fence{i + 1, strings.TrimPrefix(text, "```"), code})
			i = end
		case strings.HasPrefix(text, "    ") || strings.HasPrefix(text, "\t"): // indented code
		case strings.HasPrefix(text, "|"):
			p.addRow(i+1, text, i > 0 && strings.HasPrefix(lines[i-1], "|"))
			p.addLinks(i+1, text)
		default:
			if strings.HasPrefix(text, "#") {
				p.addHeading(strings.TrimSpace(strings.TrimLeft(text, "#")))
			}
			p.addLinks(i+1, text)
			p.prose = append(p.prose, line{i + 1, text})
		}
	}
}

func (p *page) addLinks(number int, text string) {
	for _, found := range linkPattern.FindAllStringSubmatch(codePattern.ReplaceAllString(text, "code"), -1) {
		p.links = append(p.links, link{number, found[1]})
	}
}

// addHeading makes the anchor that code hosts make: lower case, no punctuation, hyphens for spaces.
func (p *page) addHeading(heading string) {
	p.headings = append(p.headings, heading)
	anchor := strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
			return unicode.ToLower(r)
		}
		return -1
	}, heading)
	p.anchors = append(p.anchors, anchor)
}

func (p *page) hasAnchor(name string) bool { return slices.Contains(p.anchors, name) }

func (p *page) addRow(number int, text string, inTable bool) {
	cells := cellsOf(text)
	switch {
	case !inTable:
		p.tables = append(p.tables, table{line: number, head: cells})
	case strings.Trim(strings.Join(cells, ""), "-: ") != "":
		last := &p.tables[len(p.tables)-1]
		last.rows = append(last.rows, cells)
	}
}

// cellsOf splits a row at the bars that are not escaped.
func cellsOf(row string) []string {
	row = strings.ReplaceAll(row, `\|`, "\x00")
	cells := strings.Split(strings.Trim(row, "|"), "|")
	for i := range cells {
		cells[i] = strings.TrimSpace(strings.ReplaceAll(cells[i], "\x00", "|"))
	}
	return cells
}

// quoted are the texts in backticks.
func quoted(text string) []string {
	found := codePattern.FindAllString(text, -1)
	for i := range found {
		found[i] = strings.Trim(found[i], "`")
	}
	return found
}
