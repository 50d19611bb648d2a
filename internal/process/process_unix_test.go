//go:build unix

package process

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

func TestKillEndsTheChildrenToo(t *testing.T) {
	folder := t.TempDir()
	p, err := Start(folder, "/bin/sh", "-c", "sleep 600 & echo $!; wait")
	if err != nil {
		t.Fatal(err)
	}
	var child int
	caddytest.Eventually(t, time.Minute, "the process has a child", func() bool {
		child, _ = strconv.Atoi(strings.TrimSuffix(p.Output(), "\n"))
		return child != 0
	})
	if !p.IsRunning() {
		t.Error("ended by itself")
	}
	p.Kill()
	if p.IsRunning() {
		t.Error("runs after its end")
	}
	caddytest.Eventually(t, time.Minute, "the child has ended", func() bool { return !isAlive(child) })
}

// isAlive is false of a zombie, which its new parent has not collected yet.
func isAlive(pid int) bool {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return false
	}
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	return err != nil || !strings.Contains(string(stat), ") Z ")
}
