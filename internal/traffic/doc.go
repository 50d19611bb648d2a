// Package traffic tests the promises of the other packages with real traffic: Caddy in this
// process, real backends on loopback, and every way in which a request can succeed or fail.
//
// It has only tests. Caddy's config is global to a process, so no two tests run at once. Each test
// loads a config. When it ends, the package checks that no request is in flight, that no pool
// outlives the config, and that no goroutine outlives Caddy.
//
// Tests wait for events and never assert how long something takes. Some make random choices; they
// log a seed, and -seed makes the same choices again.
package traffic
