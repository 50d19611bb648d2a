package file

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

func isGlob(path string) bool {
	return strings.ContainsAny(path, `*?[`) || filepath.Separator == '/' && strings.Contains(path, `\`)
}

// globRoot returns the folder that contains all matches, directly or below.
func globRoot(pattern string) string {
	root := filepath.Dir(pattern)
	for isGlob(root) {
		root = filepath.Dir(root)
	}
	return root
}

// glob returns the files that match, sorted. Unlike filepath.Glob it returns an error for a folder
// that cannot be read, leaves out folders, and treats a leading dot as shells do.
func glob(pattern string) ([]string, error) {
	matches, err := globPaths(pattern)
	matches = slices.DeleteFunc(matches, isFolder)
	slices.Sort(matches)
	return matches, err
}

func globPaths(pattern string) ([]string, error) {
	folder, name := filepath.Dir(pattern), filepath.Base(pattern)
	if !isGlob(folder) {
		return matchesIn(folder, name)
	}
	folders, err := globPaths(folder)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, folder := range folders {
		matches, err := matchesIn(folder, name)
		if err != nil && isFolder(folder) {
			return nil, err
		}
		all = append(all, matches...)
	}
	return all, nil
}

func matchesIn(folder, name string) ([]string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	var matches []string
	for _, entry := range entries {
		hidden := strings.HasPrefix(entry.Name(), ".") && !strings.HasPrefix(name, ".")
		if ok, err := filepath.Match(name, entry.Name()); err == nil && ok && !hidden {
			matches = append(matches, filepath.Join(folder, entry.Name()))
		}
	}
	return matches, nil
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
