//go:build !unix

package main

import "os/exec"

func makeGroup(*exec.Cmd) {}

func killGroup(c *exec.Cmd) { c.Process.Kill() }
