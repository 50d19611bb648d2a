// Package docs compares the Markdown pages of the project with its code. Links resolve, snippets
// load, option tables have the options of the modules, and quoted log lines are logged. It is for
// tests, here and in the modules of sources that have a client of their own, which check their own
// page only.
//
// A page says nothing about its tests. What a snippet is follows from its first word (see
// snippets.go), and what a table is from its first head:
//
//	| option | ...                          options of the module that the page is about
//	| option of `probe http` | ...          options of other modules, one or more
//	| log line | level | ...                messages that the code logs
//	| event | ...                           events that the code emits
//
// The first cell of an option's row has its names in backticks: as a Caddyfile has it and, after
// the word JSON, as JSON has it if that is another one.
package docs
