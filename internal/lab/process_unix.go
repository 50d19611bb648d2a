//go:build unix

package main

import (
	"os/exec"
	"syscall"
)

// makeGroup gives a command a process group of its own, which its children join. An interrupt of
// the terminal does not reach the group, so that the lab alone ends it.
func makeGroup(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// killGroup kills the processes of the group that are left.
func killGroup(c *exec.Cmd) { syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
