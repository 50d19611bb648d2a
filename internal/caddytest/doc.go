// Package caddytest runs Caddy within a test process. It loads, reloads and stops configs, keeps
// what Caddy logs, and makes certificates and free addresses.
//
// Caddy's config is global to a process, so the tests of a package that uses it cannot run in
// parallel.
package caddytest
