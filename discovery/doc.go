// Package discovery says who could serve.
//
// Pool is the upstream source that Caddy sees. Its guests are sources, each of which reports
// whole lists of endpoints; merging and publishing them is done here, once. A source is a
// file with a type that has Run, and one line that registers it.
package discovery
