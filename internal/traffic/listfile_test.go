package traffic

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// listFile is the file from which a pool reads its endpoints.
type listFile struct {
	t    *testing.T
	path string
}

// newListFile writes the file, unless there are no backends to write.
func newListFile(t *testing.T, backends ...*backend) *listFile {
	t.Helper()
	l := &listFile{t, filepath.Join(t.TempDir(), "list.json")}
	if len(backends) > 0 {
		l.write(backends...)
	}
	return l
}

// write replaces the file.
func (l *listFile) write(backends ...*backend) {
	l.t.Helper()
	data, err := json.Marshal(fleet(backends).addresses())
	if err != nil {
		l.t.Fatal(err)
	}
	if len(backends) == 0 {
		data = []byte("[]")
	}
	l.replace(data)
}

// replace replaces the file in one step, because the source must not read half of it.
func (l *listFile) replace(data []byte) {
	l.t.Helper()
	err := os.WriteFile(l.path+".new", data, 0o600)
	if err == nil {
		err = os.Rename(l.path+".new", l.path)
	}
	if err != nil {
		l.t.Error(err)
	}
}

// site returns a site that proxies to a pool of the file.
func (l *listFile) site(options string) string {
	return fmt.Sprintf("reverse_proxy {\ndynamic pool web {\nsource file %s\n}\n%s\n}", l.path, options)
}

// awaitBackends waits until requests are answered by all these backends and by no other. The
// backends answer with their names.
func awaitBackends(t *testing.T, c *client, backends ...*backend) {
	t.Helper()
	want := make(map[string]bool)
	for _, b := range backends {
		want[b.name] = true
	}
	eventually(t, fmt.Sprintf("the pool has %v", fleet(backends)), func() bool {
		seen := make(map[string]bool)
		for range 4 * len(backends) {
			a, err := c.get("/")
			if err != nil || !want[a.backend] {
				return false
			}
			seen[a.backend] = true
		}
		return len(seen) == len(want)
	})
}
