// Package load measures how fast an endpoint answers.
//
// A [Load] has three parts: the requests that wait for their first byte with their mean age, an
// estimate of the time to first byte, and the recent failures. Attempts write it. Policies read it
// at every pick, so that reading takes no lock, allocates nothing and changes nothing.
//
// All of it is a function of the instants that callers pass in. The package starts no goroutine and
// reads no clock, except in [Now].
package load
