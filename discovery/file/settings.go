package file

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/caddyserver/caddy/v2"
)

// Provision implements caddy.Provisioner. It opens no file, because a missing file is not an error.
func (s *Source) Provision(caddy.Context) error {
	if len(s.Paths) == 0 {
		return errors.New("paths: is empty; expected at least one path or glob")
	}
	replacer := caddy.NewReplacer()
	s.absolute = make([]string, len(s.Paths))
	for i, given := range s.Paths {
		path, err := replacer.ReplaceOrErr(given, true, true)
		switch {
		case err != nil:
			return fmt.Errorf("paths: %q: %w", given, err)
		case path == "":
			return fmt.Errorf("paths: path %d is empty", i+1)
		}
		if _, err := filepath.Match(path, ""); err != nil {
			return fmt.Errorf("paths: %q is not a glob: %w", given, err)
		}
		if s.absolute[i], err = filepath.Abs(path); err != nil {
			return fmt.Errorf("paths: %q: %w", given, err)
		}
	}
	return nil
}
