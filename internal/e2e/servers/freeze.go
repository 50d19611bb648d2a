package servers

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// Freeze stops all processes of a contained server, as if its machine hung. The kernel still
// accepts connections to it.
func (p *Process) Freeze() { p.signalAll(syscall.SIGSTOP) }

// Thaw lets the processes go on.
func (p *Process) Thaw() { p.signalAll(syscall.SIGCONT) }

// signalAll sends a signal to each process in the PID namespace below the server.
func (p *Process) signalAll(signal syscall.Signal) {
	p.t.Helper()
	namespace, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/pid_for_children", p.running.process.Pid))
	if err != nil {
		p.t.Fatal(err)
	}
	all, err := filepath.Glob("/proc/[0-9]*/ns/pid")
	if err != nil {
		p.t.Fatal(err)
	}
	for _, path := range all {
		if found, _ := os.Readlink(path); found != namespace { // it fails for processes of others
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path)))); err == nil {
			_ = syscall.Kill(pid, signal) // it fails if the process has ended
		}
	}
}
