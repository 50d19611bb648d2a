package caddytest

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
)

// Example is the Caddyfile of an example, with ports that are free.
type Example struct {
	Text string

	c     *Caddy
	ports map[string]string // addresses by the port in the example
}

var examplePort = regexp.MustCompile(`\b[89][0-9]{3}\b`)

// Example reads the Caddyfile of an example. It replaces each port from 8000 to 9999 by one that is
// free, and moves the admin endpoint, the storage and the log to where tests have them.
func (c *Caddy) Example(file string) *Example {
	c.t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		c.t.Fatal(err)
	}
	e := &Example{c: c, ports: make(map[string]string)}
	e.Text = examplePort.ReplaceAllStringFunc(string(text), func(port string) string {
		_, free, _ := strings.Cut(e.Address(port), ":")
		return free
	})
	options := strings.TrimSuffix(strings.TrimSpace(c.GlobalOptions("")), "}")
	if own, found := strings.CutPrefix(e.Text, "{\n"); found {
		e.Text = withoutOption(options, own) + "\n" + own
	} else {
		e.Text = options + "}\n" + e.Text
	}
	return e
}

// withoutOption returns options without the lines that the text, which follows, has itself.
func withoutOption(options, text string) string {
	var kept []string
	for line := range strings.Lines(options) {
		name, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		if name == "{" || name == "}" || !strings.Contains(text, "\t"+name) {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}

// Address returns the address of a server at a port of the example.
func (e *Example) Address(port string) string {
	for e.ports[port] == "" {
		address := FreeAddress(e.c.t)
		if !slices.Contains(slices.Collect(maps.Values(e.ports)), address) { // nothing listens there yet
			e.ports[port] = address
		}
	}
	return e.ports[port]
}
