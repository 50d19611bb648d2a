package e2e

import (
	"cmp"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// fileRegistry is a file that a program writes.
type fileRegistry struct {
	t    *testing.T
	path string
	list map[string]map[string]any // by address
}

func TestFile(t *testing.T) { prove(t, startFile) }

func startFile(t *testing.T) *fileRegistry {
	f := &fileRegistry{t, filepath.Join(t.TempDir(), "list.json"), make(map[string]map[string]any)}
	f.write()
	return f
}

func (f *fileRegistry) source() string { return "file " + f.path }

func (f *fileRegistry) put(entries ...entry) {
	for _, e := range entries {
		f.list[e.address] = e.fields()
	}
	f.write()
}

func (f *fileRegistry) remove(entries ...entry) {
	for _, e := range entries {
		delete(f.list, e.address)
	}
	f.write()
}

// write replaces the file as a careful program does.
func (f *fileRegistry) write() {
	f.t.Helper()
	err := os.WriteFile(f.path+".new", inJSON(f.list), 0o600)
	if err = cmp.Or(err, os.Rename(f.path+".new", f.path)); err != nil {
		f.t.Error(err)
	}
}

// inJSON is the list as an endpoint file or an HTTP body has it.
func inJSON(list map[string]map[string]any) []byte {
	all := []map[string]any{}
	for _, address := range slices.Sorted(maps.Keys(list)) {
		all = append(all, list[address])
	}
	text, _ := json.Marshal(all)
	return text
}

// fields are those of an endpoint in JSON.
func (e entry) fields() map[string]any {
	return map[string]any{"address": e.address, "weight": e.weight, "draining": e.draining}
}
