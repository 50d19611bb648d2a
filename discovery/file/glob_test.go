package file

import (
	"path/filepath"
	"slices"
	"testing"
)

func TestAGlobMatchesFilesInTheOrderOfTheirPaths(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{
		"b.json", "a.json", ".a.json", ".a.json.swp", "a/1.json", "a-b/1.json", "a-b/2.yaml", "a-b/.1.json", ".c/1.json",
		"d.json/1", "[e]/1.json",
	} {
		write(t, filepath.Join(folder, name), "")
	}
	for pattern, want := range map[string][]string{
		"*.json":        {"a.json", "b.json"},
		"?.json":        {"a.json", "b.json"},
		".*":            {".a.json", ".a.json.swp"},
		".*.json":       {".a.json"},
		"*/*.json":      {"[e]/1.json", "a-b/1.json", "a/1.json"},
		"*/1.json":      {"[e]/1.json", "a-b/1.json", "a/1.json"},
		"*/.*.json":     {"a-b/.1.json"},
		".c/*":          {".c/1.json"},
		"*/*/*":         nil,
		"c*":            nil,
		"a*/[12].*":     {"a-b/1.json", "a-b/2.yaml", "a/1.json"},
		`\[e\]/1.json`:  {"[e]/1.json"},
		`\[e\]/[1].j*n`: {"[e]/1.json"},
	} {
		got, err := glob(filepath.Join(folder, pattern))
		for i, path := range got {
			got[i], _ = filepath.Rel(folder, path)
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: got %q, %v; want %q", pattern, got, err, want)
		}
	}
}

func TestAGlobInAFolderThatCannotBeReadIsAnError(t *testing.T) {
	folder := t.TempDir()
	write(t, filepath.Join(folder, "web.json"), "")
	for _, pattern := range []string{"missing/*", "missing/*/*.json", "web.json/*"} {
		if got, err := glob(filepath.Join(folder, pattern)); err == nil {
			t.Errorf("%s: got %q and no error", pattern, got)
		}
	}
}
