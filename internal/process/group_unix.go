//go:build unix

package process

import (
	"os/exec"
	"syscall"
)

const terminate = syscall.SIGTERM

// makeGroup gives a command a process group of its own, which its children join. An interrupt of
// the terminal does not reach the group, so that only this program ends it. NGINX's workers would
// outlive their master otherwise.
func makeGroup(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// killGroup kills the processes of the group that are left.
func killGroup(c *exec.Cmd) { syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }

// Suspend stops the process from running. The system goes on accepting its connections.
func (p *Process) Suspend() error { return p.command.Process.Signal(syscall.SIGSTOP) }

// Resume lets a suspended process run on.
func (p *Process) Resume() error { return p.command.Process.Signal(syscall.SIGCONT) }
