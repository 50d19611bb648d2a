package docs

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// Pages are all Markdown files below root, relative to it.
func Pages(t *testing.T, root string) []string {
	t.Helper()
	var pages []string
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != root && passedOver(entry.Name()):
			return fs.SkipDir
		case !entry.IsDir() && path.Ext(name) == ".md":
			relative, err := filepath.Rel(root, name)
			pages = append(pages, filepath.ToSlash(relative))
			return err
		}
		return nil
	})
	if err != nil || len(pages) == 0 {
		t.Fatalf("%s: no pages (%v)", root, err)
	}
	return pages
}

// passedOver reports whether a folder has no pages of the project.
func passedOver(folder string) bool {
	return strings.HasPrefix(folder, ".") && folder != ".github" || folder == "testdata"
}

// checkLinks follows links to files of the repository, and to headings in them.
func (p *page) checkLinks(t *testing.T) {
	t.Helper()
	for _, l := range p.links {
		if strings.Contains(l.target, "://") || strings.HasPrefix(l.target, "mailto:") {
			continue
		}
		file, anchor, hasAnchor := strings.Cut(l.target, "#")
		target := p.path
		if file != "" {
			target = path.Join(path.Dir(p.path), file)
		}
		_, err := os.Stat(filepath.Join(p.root, filepath.FromSlash(target)))
		if err != nil || strings.HasPrefix(target, "..") {
			t.Errorf("%s:%d: %s leads nowhere", p.path, l.line, l.target)
			continue
		}
		if hasAnchor && !readPage(t, p.root, target).hasAnchor(anchor) {
			t.Errorf("%s:%d: %s has no heading for #%s", p.path, l.line, target, anchor)
		}
	}
}
