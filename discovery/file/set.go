package file

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/count"
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// set is all the files of a source, by the paths of its config.
type set []pattern

// newSet makes a set of files with up to limit entries each.
func newSet(paths []string, limit int) set {
	s := make(set, len(paths))
	for i, path := range paths {
		s[i].path, s[i].limit = path, limit
		if !isGlob(path) {
			s[i].files = []*listFile{{path: path, limit: limit}}
		}
	}
	return s
}

// look reads the files that may have changed. It answers with the whole list if that changed, and
// with the errors that are new.
func (s set) look(now time.Time) discovery.Answer {
	var changed bool
	var problems []error
	for i := range s {
		c, err := s[i].look(now)
		changed = changed || c
		problems = append(problems, err)
	}
	answer := discovery.Answer{Err: errors.Join(problems...)}
	if changed {
		answer.Endpoints, answer.Dropped = s.merged()
	}
	return answer
}

// merged returns the endpoints and the dropped entries of all files. The first file with an address
// wins.
func (s set) merged() (all []listing.Info, dropped []discovery.Dropped) {
	all = []listing.Info{}
	seen := make(map[string]bool)
	for _, pattern := range s {
		for _, file := range pattern.files {
			dropped = append(dropped, file.dropped...)
			for _, info := range file.list {
				if !seen[info.Address] {
					seen[info.Address] = true
					all = append(all, info)
				}
			}
		}
	}
	return all, dropped
}

// folders returns the folders where a change of the files shows.
func (s set) folders() []string {
	var all []string
	for _, pattern := range s {
		all = append(all, globRoot(pattern.path))
		for _, file := range pattern.files {
			all = append(all, filepath.Dir(file.path))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// pattern is one path of the config and the files that it matches.
type pattern struct {
	path    string      // of a file, or a glob
	limit   int         // the maximum number of entries in a file
	files   []*listFile // in the order of their paths
	globbed bool        // the glob was read once, so that it is known to match no file
	problem string      // the last error, to report each only once
}

func (p *pattern) look(now time.Time) (changed bool, err error) {
	if isGlob(p.path) {
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

// glob updates the files that match. A file that no longer matches was removed on purpose.
func (p *pattern) glob() (changed bool, err error) {
	paths, err := glob(p.path)
	if err != nil {
		return false, p.failOnce(err)
	}
	files, kept := make([]*listFile, len(paths)), 0
	for i, path := range paths {
		if old := p.file(path); old != nil {
			files[i] = old
			kept++
		} else {
			files[i] = &listFile{path: path, limit: p.limit}
		}
	}
	changed = kept < len(p.files) || !p.globbed || p.problem != ""
	p.files, p.globbed, p.problem = files, true, ""
	return changed, nil
}

// file returns the file of a path that already matched, or nil.
func (p *pattern) file(path string) *listFile {
	byPath := func(f *listFile, path string) int { return cmp.Compare(f.path, path) }
	i, found := slices.BinarySearchFunc(p.files, path, byPath)
	if !found {
		return nil
	}
	return p.files[i]
}

// failOnce returns an error unless it is the same as the last one.
func (p *pattern) failOnce(err error) error {
	if err.Error() == p.problem {
		return nil
	}
	p.problem = err.Error()
	if p.globbed {
		return fmt.Errorf("%s: %w; keeps the %s it had", p.path, err, count.Of(len(p.files), "file"))
	}
	return fmt.Errorf("%s: %w", p.path, err)
}
