// Package backend is the server behind the proxies: a process that answers after some work, and
// misbehaves when it is told to. What kills, suspends and restarts it is outside.
package backend
