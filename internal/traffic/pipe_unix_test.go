//go:build unix

package traffic

import (
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"
)

// Reading a pipe that nothing writes to does not return.
func TestAPipeInPlaceOfAListFileKeepsNothingWaiting(t *testing.T) {
	fleet := startBackends(t, 2)
	list := newListFile(t, fleet...)
	site := func(option string) string {
		return fmt.Sprintf("reverse_proxy {\ndynamic pool web {\nsource file %s\n%s\n}\n%s\n}", list.path, option, roundRobin)
	}
	p := startProxy(t, site(""))
	awaitBackends(t, p.client(), fleet...)
	if err := os.Remove(list.path); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(list.path, 0o600); err != nil {
		t.Skip(err)
	}
	wantOneLine := func() {
		t.Helper()
		eventually(t, "a line names the pipe", func() bool {
			return logged.Count(`"msg":"discovery failed"`, list.path+": is not a regular file") > 0
		})
		if n := logged.Count(list.path); n != 1 {
			t.Errorf("%d lines name the pipe; want one", n)
		}
	}
	wantOneLine()
	for _, option := range []string{"", "removal_grace 1s"} { // the second changes the pool
		logged.Reset()
		start := time.Now()
		if err := p.reload(site(option)); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took > reloadLimit {
			t.Errorf("the reload took %s", took)
		}
		awaitBackends(t, p.client(), fleet...)
	}
	wantOneLine()
}
