package e2e

import (
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

func init() { caddy.RegisterModule(new(logWriter)) }

// logWriter keeps what Caddy logs.
type logWriter struct{}

func (*logWriter) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "caddy.logging.writers.e2e", New: func() caddy.Module { return new(logWriter) }}
}

func (*logWriter) String() string                                  { return "e2e" }
func (*logWriter) WriterKey() string                               { return "e2e" }
func (*logWriter) OpenWriter() (io.WriteCloser, error)             { return logged, nil }
func (*logWriter) UnmarshalCaddyfile(d *caddyfile.Dispenser) error { d.Next(); return nil }

var logged = new(logBuffer)

type logBuffer struct {
	mu    sync.Mutex
	lines []string
}

func (l *logBuffer) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, string(line))
	return len(line), nil
}

func (l *logBuffer) Close() error { return nil }

func (l *logBuffer) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = nil
}

// count is the number of lines that have all the texts.
func (l *logBuffer) count(texts ...string) int { return len(l.with(texts...)) }

func (l *logBuffer) with(texts ...string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(l.lines), func(line string) bool {
		return slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(line, text) })
	})
}

// dump shows what pools said in a test that failed, without the lines of requests that failed.
func (l *logBuffer) dump(t *testing.T) {
	lines := l.with(`"logger":"http.reverse_proxy.upstreams`)
	for _, line := range lines[max(len(lines)-100, 0):] {
		t.Log(strings.TrimSpace(line[:min(len(line), 1000)]))
	}
}
