// Package discovery says who could serve.
//
// Pool is the upstream source that Caddy sees. Its guests are sources, each of which reports
// whole lists of endpoints. A source is a file with a type that has Run, and one line that registers it.
//
// What every source needs is done here, once: keepRunning runs a source again after errors, a follower makes of
// each answer what is to be made of it (guard doubts losses, leavers have a grace), and the membership merges
// the followers' lists and publishes them. The archive stores the lists for the next start, and the
// handover stands in for a definition that has no answers yet.
package discovery
