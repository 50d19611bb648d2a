// Package traffic proves with real traffic what the other packages promise: a whole Caddy in this
// process, real backends on loopback, and every way in which a request can go well or badly.
//
// It has tests only. Caddy's config is global to a process, so no two tests run at once. Each loads
// a config, and when it ends the package checks by itself that nothing is left in flight, that no pool
// outlives the config, and that no goroutine outlives Caddy.
package traffic
