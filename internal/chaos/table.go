package main

import (
	"fmt"
	"io"
	"strings"
)

func (o *outcome) proxy() string {
	if o.pool {
		return "pool"
	}
	return "static"
}

// title returns the scenario and the proxy.
func (o *outcome) title() string { return o.name + ", " + o.proxy() }

// String returns the figures in one line.
func (o *outcome) String() string {
	if o.err != nil {
		return o.title() + ": " + o.err.Error()
	}
	text := o.title() + ": " + strings.Join(o.cells(), " | ")
	for _, u := range o.unmet {
		text += "\n\t" + u
	}
	return text
}

// print writes the table, and what happens in the scenarios.
func (o *options) print(w io.Writer, all []*outcome) {
	fmt.Fprintln(w, "| scenario | proxy | sent | failed | broken | turned away "+
		"| p99, ms | worst, ms | goroutines | heap, MB | in flight |")
	fmt.Fprintln(w, "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
	for _, o := range all {
		if o.err == nil {
			fmt.Fprintf(w, "| %s | %s | %s |\n", o.name, o.proxy(), strings.Join(o.cells(), " | "))
		}
	}
	fmt.Fprint(w, "\n| scenario | what happens in it |\n|---|---|\n")
	for _, s := range o.scenarios {
		fmt.Fprintf(w, "| %s | %s |\n", s.name, s.about)
	}
	fmt.Fprintf(w, "\n%g requests/s, a third of them POST; seed %d.\n", o.rate, o.seed)
}
