//go:build unix

package main

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

func TestStopEndsTheChildrenOfAProxyToo(t *testing.T) {
	folder := t.TempDir()
	p, err := startProcess(folder, "/bin/sh", "-c", "sleep 600 & echo $!; wait")
	if err != nil {
		t.Fatal(err)
	}
	var child int
	caddytest.Eventually(t, time.Minute, "the proxy has a child", func() bool {
		child, _ = strconv.Atoi(strings.TrimSuffix(p.output(), "\n"))
		return child != 0
	})
	if !p.isRunning() {
		t.Error("ended by itself")
	}
	p.stop()
	if p.isRunning() {
		t.Error("runs after stop")
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

func TestProxyThatEndsAtOnceIsAnErrorWithItsLog(t *testing.T) {
	folder := t.TempDir()
	p := installed{path: "/bin/sh", proxy: proxy{method: "none", program: &program{
		title: "Shell", binary: "sh",
		config: func(string, string, []string) string { return "echo wrong config; exit 3" },
		args:   func(config string) []string { return []string{config} },
	}}}
	_, err := startProxy(t.Context(), p, folder, nil)
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"Shell `none`", "exit status 3", "wrong config"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in %s", want, err)
		}
	}
}
