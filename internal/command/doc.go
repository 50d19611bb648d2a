// Package command is the command `caddy pools`, which shows and changes the pools of a running
// Caddy through its admin API.
package command
