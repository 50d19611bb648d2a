package listing_test

import (
	"strings"
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/listing"
	"github.com/caddy-balance/caddy-balance/internal/sourcetest"
)

const limit = 10_000

// hostileLists are lists of 4 MiB by what is bad about them.
func hostileLists() map[string]func() string {
	const size = sourcetest.HostileSize
	lists := map[string]func() string{
		"deep":             func() string { return strings.Repeat("[", size) },
		"deep in an entry": func() string { return "[" + strings.Repeat("[", size/2) + strings.Repeat("]", size/2) + "]" },
		"deep objects":     func() string { return strings.Repeat(`[{"a":`, size/6) },
		"one text":         func() string { return `["` + strings.Repeat("a", size) + `"]` },
		"one field's name": func() string { return `[{"` + strings.Repeat("a", size) + `":1}]` },
		"spaces":           func() string { return "[" + strings.Repeat(" ", size) + "]" },
		"escapes":          func() string { return `["` + strings.Repeat(`\u0041`, size/6) + `"]` },
		"one large entry":  func() string { return "[{" + sourcetest.Numbered(`"f%d":0`, size) + "}]" },
		"one large list":   func() string { return "[[" + sourcetest.Repeated("0", size) + "]]" },
		"metadata":         func() string { return `[{"address":"a:1","metadata":{` + sourcetest.Numbered(`"%d":1`, size) + "}}]" },
		"much metadata": func() string {
			return "[" + sourcetest.Numbered(`{"address":"a:1%d","metadata":{`+sourcetest.Numbered(`"%%d":1`, 400)+"}}", size) + "]"
		},
		"a repeated field":  func() string { return `[{` + sourcetest.Repeated(`"address":"a:1"`, size) + "}]" },
		"one group":         func() string { return `[{"targets":[` + sourcetest.Repeated("0", size) + "]}]" },
		"one group of many": func() string { return `[{"targets":[` + sourcetest.Numbered(`"h%d:1"`, size) + "]}]" },
		"many labels": func() string {
			return `[{"targets":[` + sourcetest.Numbered(`"h%d:1"`, 100_000) + `],"labels":{` +
				sourcetest.Numbered(`"l%d":"v"`, size-100_000) + "}}]"
		},
		"labels of many": func() string {
			return `[{"targets":[` + sourcetest.Numbered(`"h%d:1"`, 80_000) + `],"labels":{` +
				sourcetest.Numbered(`"l%d":"v"`, 40_000) + "}}]"
		},
		"groups of one": func() string {
			return "[" + sourcetest.Numbered(`{"targets":["h%d:1"],"labels":{"a":"b"}}`, size) + "]"
		},
		"groups of none":    func() string { return "[" + sourcetest.Repeated(`{"targets":[]}`, size) + "]" },
		"groups of numbers": func() string { return "[" + sourcetest.Repeated(`{"targets":[0]}`, size) + "]" },
		"valid":             func() string { return "[" + sourcetest.Numbered(`"h%d:1"`, size) + "]" },
		"the same":          func() string { return "[" + sourcetest.Repeated(`"a:1"`, size) + "]" },
	}
	for name, entry := range sourcetest.HostileEntries {
		lists[name] = func() string { return "[" + sourcetest.Repeated(entry, size) + "]" }
	}
	return lists
}

func TestAHostileListIsCheapInJSONAndYAML(t *testing.T) {
	if testing.Short() {
		t.Skip("reads many long lists")
	}
	for what, list := range hostileLists() {
		for _, name := range []string{"web.json", "web.yaml"} {
			t.Run(name+"/"+what, func(t *testing.T) {
				text := []byte(list())
				sourcetest.WantCheap(t, func() { wantBounded(t, name, text) })
			})
		}
	}
}

func TestAHostileListOfYAMLIsCheap(t *testing.T) {
	if testing.Short() {
		t.Skip("reads many long lists")
	}
	const size = sourcetest.HostileSize
	blocks := map[string]string{
		"numbers":  strings.Repeat("- 0\n", size/4),
		"nulls":    strings.Repeat("-\n", size/2),
		"objects":  strings.Repeat("- a: 0\n", size/7),
		"dashes":   strings.Repeat("- ", size/2),
		"nested":   "-\n" + strings.Repeat(" - 0\n", size/5),
		"colons":   strings.Repeat("a: ", size/3),
		"fields":   "- a: 1\n" + strings.Repeat("  b: 2\n", size/7),
		"targets":  "- targets:\n" + strings.Repeat("  - a:1\n", size/8),
		"anchors":  strings.Repeat("- &a [*a, *a]\n", size/14),
		"comments": "- a:1\n" + strings.Repeat("#\n", size/2),
		"texts":    strings.Repeat("- \"a\n", size/6),
		"keys":     strings.Repeat("? ", size/2),
		"flow":     strings.Repeat("- {a: [0,0,0,0,0,0,0,0]}\n", size/25),
		"tags":     strings.Repeat("- !!str a\n", size/10),
		"one text": "- " + strings.Repeat("a", size),
		"literal":  "- |\n" + strings.Repeat("  a\n", size/4),
	}
	for what, text := range blocks {
		t.Run(what, func(t *testing.T) {
			text := []byte(text)
			sourcetest.WantCheap(t, func() { wantBounded(t, "web.yaml", text) })
		})
	}
}

// wantBounded decodes a list, and expects no more than the limit of anything.
func wantBounded(t *testing.T, name string, text []byte) {
	t.Helper()
	entries, err := listing.DecodeEntries(name, text, limit)
	longError := err != nil && len(err.Error()) > 1000
	if len(entries.Infos) > limit || len(entries.Mistakes) > listing.MaxMistakes || longError {
		t.Errorf("%d endpoints, %d mistakes, %v", len(entries.Infos), len(entries.Mistakes), err)
	}
}

// BenchmarkHostile reads lists of 4 MiB that are meant to do harm. Each takes less than a second.
func BenchmarkHostile(b *testing.B) {
	for what, list := range hostileLists() {
		for _, name := range []string{"web.json", "web.yaml"} {
			b.Run(name+"/"+strings.ReplaceAll(what, " ", "_"), func(b *testing.B) {
				text := []byte(list())
				b.ReportAllocs()
				for b.Loop() {
					_, _ = listing.DecodeEntries(name, text, limit)
				}
			})
		}
	}
}
