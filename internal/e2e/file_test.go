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

// fileRegistry is an endpoint file that a test rewrites.
type fileRegistry struct {
	t    *testing.T
	path string
	list map[string]map[string]any // by address
}

func TestFile(t *testing.T) { runScenarios(t, startFile) }

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

// write replaces the file in one step, because the source must not read half of it.
func (f *fileRegistry) write() {
	f.t.Helper()
	err := os.WriteFile(f.path+".new", inJSON(f.list), 0o600)
	if err = cmp.Or(err, os.Rename(f.path+".new", f.path)); err != nil {
		f.t.Error(err)
	}
}

// inJSON returns the list in the format of endpoint files and HTTP answers.
func inJSON(list map[string]map[string]any) []byte {
	all := []map[string]any{}
	for _, address := range slices.Sorted(maps.Keys(list)) {
		all = append(all, list[address])
	}
	text, _ := json.Marshal(all)
	return text
}

// fields returns the fields of the endpoint in JSON.
func (e entry) fields() map[string]any {
	return map[string]any{"address": e.address, "weight": e.weight, "draining": e.draining}
}
