//go:build !unix

package process

import (
	"errors"
	"os"
	"os/exec"
)

var terminate = os.Interrupt

func makeGroup(*exec.Cmd) {}

func killGroup(c *exec.Cmd) { c.Process.Kill() }

// Suspend is not possible on this system.
func (p *Process) Suspend() error { return errors.ErrUnsupported }

// Resume is not possible on this system.
func (p *Process) Resume() error { return errors.ErrUnsupported }
