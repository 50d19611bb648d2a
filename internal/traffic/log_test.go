package traffic

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
	return caddy.ModuleInfo{ID: "caddy.logging.writers.traffic", New: func() caddy.Module { return new(logWriter) }}
}

func (*logWriter) String() string                                  { return "traffic" }
func (*logWriter) WriterKey() string                               { return "traffic" }
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

// with returns the lines that have all the texts.
func (l *logBuffer) with(texts ...string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(l.lines), func(line string) bool {
		return slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(line, text) })
	})
}

// dump shows what a test that failed has logged, without the noise of a reload.
func (l *logBuffer) dump(t *testing.T) {
	lines := slices.DeleteFunc(l.with(), func(line string) bool {
		return strings.Contains(line, `"logger":"admin`) || strings.Contains(line, `"logger":"http"`) || strings.Contains(line, `"logger":"http.log"`)
	})
	for _, line := range lines[max(len(lines)-200, 0):] {
		t.Log(strings.TrimSpace(line))
	}
}
