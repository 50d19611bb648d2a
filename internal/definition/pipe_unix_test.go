//go:build unix

package definition

import (
	"path/filepath"
	"syscall"
	"testing"
)

func TestADigestDoesNotReadAPipe(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Skip(err)
	}
	Of([]byte(`{"token_file": "` + pipe + `"}`)) // would not return
}
