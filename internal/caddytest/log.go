package caddytest

import (
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

func init() { caddy.RegisterModule(new(LogWriter)) }

// LogWriter is the log output `test`, which keeps every line in Log.
type LogWriter struct{}

// CaddyModule returns the Caddy module information.
func (*LogWriter) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "caddy.logging.writers.test",
		New: func() caddy.Module { return new(LogWriter) },
	}
}

// String implements caddy.WriterOpener.
func (*LogWriter) String() string { return "test" }

// WriterKey implements caddy.WriterOpener. All outputs `test` of a config are the same one.
func (*LogWriter) WriterKey() string { return "test" }

// OpenWriter implements caddy.WriterOpener.
func (*LogWriter) OpenWriter() (io.WriteCloser, error) { return Log, nil }

// UnmarshalCaddyfile implements caddyfile.Unmarshaler. The output has no options.
func (*LogWriter) UnmarshalCaddyfile(d *caddyfile.Dispenser) error { d.Next(); return nil }

// Log holds the lines that Caddy has logged to the output `test` since the last Reset.
var Log = new(LogBuffer)

// LogBuffer keeps log lines for tests to search.
type LogBuffer struct {
	mu    sync.Mutex
	lines []string
}

// Write implements io.Writer for one line.
func (l *LogBuffer) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, string(line))
	return len(line), nil
}

// Close implements io.Closer. It does nothing, because the lines are read after Caddy has stopped.
func (l *LogBuffer) Close() error { return nil }

// Reset removes all lines.
func (l *LogBuffer) Reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = nil
}

// With returns the lines that contain all the texts.
func (l *LogBuffer) With(texts ...string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(l.lines), func(line string) bool {
		return slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(line, text) })
	})
}

// Count returns the number of lines that contain all the texts.
func (l *LogBuffer) Count(texts ...string) int { return len(l.With(texts...)) }

const (
	dumpedLines     = 200
	dumpedLineBytes = 1000
)

// Dump logs the last lines that keep accepts to the test. It is for tests that have failed.
func (l *LogBuffer) Dump(t testing.TB, keep func(line string) bool) {
	t.Helper()
	lines := slices.DeleteFunc(l.With(), func(line string) bool { return !keep(line) })
	for _, line := range lines[max(len(lines)-dumpedLines, 0):] {
		t.Log(strings.TrimSpace(line[:min(len(line), dumpedLineBytes)]))
	}
}

// Interface guards
var (
	_ caddy.WriterOpener    = (*LogWriter)(nil)
	_ caddyfile.Unmarshaler = (*LogWriter)(nil)
)
