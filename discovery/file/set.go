package file

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// fileSet is all the files of a source.
type fileSet []filePattern

func newFileSet(paths []string) fileSet {
	set := make(fileSet, len(paths))
	for i, path := range paths {
		set[i].pattern = path
		if !isGlob(path) {
			set[i].files = []*fileList{{path: path}}
		}
	}
	return set
}

// look returns the whole list if it changed, else nil, and what newly went wrong.
func (s fileSet) look(now time.Time) ([]listing.Info, error) {
	var changed bool
	var problems []error
	for i := range s {
		c, err := s[i].look(now)
		changed = changed || c
		problems = append(problems, err)
	}
	if !changed {
		return nil, errors.Join(problems...)
	}
	return s.merged(), errors.Join(problems...)
}

func (s fileSet) merged() []listing.Info {
	all := []listing.Info{}
	seen := make(map[string]bool)
	for _, pattern := range s {
		for _, file := range pattern.files {
			for _, info := range file.list {
				if !seen[info.Address] {
					seen[info.Address] = true
					all = append(all, info)
				}
			}
		}
	}
	return all
}

// folders are where changes of the files show.
func (s fileSet) folders() []string {
	var all []string
	for _, pattern := range s {
		all = append(all, globRoot(pattern.pattern))
		for _, file := range pattern.files {
			all = append(all, filepath.Dir(file.path))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// filePattern is one path of a source, and the files that it stands for.
type filePattern struct {
	pattern string
	files   []*fileList // in the order of their paths
	globbed bool        // a glob was read once, so no files is an answer
	problem string
}

func (p *filePattern) look(now time.Time) (changed bool, err error) {
	if isGlob(p.pattern) {
		if changed, err = p.glob(); p.problem != "" {
			return false, err
		}
	}
	var problems []error
	for _, file := range p.files {
		c, err := file.look(now)
		changed = changed || c
		problems = append(problems, err)
	}
	return changed, errors.Join(problems...)
}

// glob renews which files there are. A file that no longer matches was taken away.
func (p *filePattern) glob() (changed bool, err error) {
	paths, err := glob(p.pattern)
	if err != nil {
		return false, p.fail(err)
	}
	files, kept := make([]*fileList, len(paths)), 0
	for i, path := range paths {
		if old := p.file(path); old != nil {
			files[i] = old
			kept++
		} else {
			files[i] = &fileList{path: path}
		}
	}
	changed = kept < len(p.files) || !p.globbed || p.problem != ""
	p.files, p.globbed, p.problem = files, true, ""
	return changed, nil
}

func (p *filePattern) file(path string) *fileList {
	i, found := slices.BinarySearchFunc(p.files, path, func(f *fileList, path string) int { return cmp.Compare(f.path, path) })
	if !found {
		return nil
	}
	return p.files[i]
}

func (p *filePattern) fail(err error) error {
	if err.Error() == p.problem {
		return nil
	}
	p.problem = err.Error()
	if p.globbed {
		return fmt.Errorf("%s: %w; keeps the %d files it had", p.pattern, err, len(p.files))
	}
	return fmt.Errorf("%s: %w", p.pattern, err)
}
