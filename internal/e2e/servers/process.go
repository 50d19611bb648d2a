package servers

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// Process is a server that a test can kill and restart at the same address, with or without its
// data.
type Process struct {
	Data string // the folder with its data

	t       testing.TB
	plan    Plan
	running *running
}

// Plan says how to run a server.
type Plan struct {
	Name string

	// Prepare fills the folder of a server that has no data yet. It may be nil.
	Prepare func(data string) error

	// Command returns the command of the server. Each start calls it once.
	Command func(data string) *exec.Cmd

	// Ready returns an error until the server can do its work.
	Ready func(context.Context) error
}

type running struct {
	process *os.Process
	output  tail
	ended   chan struct{}
}

// patience is the maximum time for a server to start or to end. It is long because the machine may
// be busy with something else.
const patience = 2 * time.Minute

// Run starts a server that runs until the test ends, and waits until it is ready.
func Run(t testing.TB, plan Plan) *Process {
	t.Helper()
	// Not t.TempDir: the path of a socket has at most 104 bytes, and the name of the test would use
	// them up.
	data, err := os.MkdirTemp("", plan.Name)
	if err != nil {
		t.Fatal(err)
	}
	p := &Process{Data: data, t: t, plan: plan}
	t.Cleanup(p.cleanup)
	p.prepare()
	p.start()
	return p
}

func (p *Process) cleanup() {
	if p.running != nil && p.t.Failed() {
		p.t.Logf("output of %s:\n%s", p.plan.Name, p.running.output.String())
	}
	p.Kill()
	os.RemoveAll(p.Data)
}

// Kill ends the server without a chance to clean up, as a crash does.
func (p *Process) Kill() { p.end(syscall.SIGKILL) }

// Stop asks the server to end, and waits until it has.
func (p *Process) Stop() { p.end(syscall.SIGTERM) }

// Restart kills the server and starts it with its data.
func (p *Process) Restart() {
	p.t.Helper()
	p.Kill()
	p.start()
}

// RestartEmpty kills the server and starts it without its data.
func (p *Process) RestartEmpty() {
	p.t.Helper()
	p.Kill()
	p.clear()
	p.start()
}

func (p *Process) clear() {
	p.t.Helper()
	if err := errors.Join(os.RemoveAll(p.Data), os.Mkdir(p.Data, 0o700)); err != nil {
		p.t.Fatal(err)
	}
	p.prepare()
}

func (p *Process) prepare() {
	p.t.Helper()
	if p.plan.Prepare == nil {
		return
	}
	if err := p.plan.Prepare(p.Data); err != nil {
		p.t.Fatalf("%s: %v", p.plan.Name, err)
	}
}

func (p *Process) start() {
	p.t.Helper()
	r := &running{ended: make(chan struct{})}
	cmd := p.plan.Command(p.Data)
	cmd.Stdout, cmd.Stderr = &r.output, &r.output
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // a test that panics leaves no server behind
	if err := cmd.Start(); err != nil {
		p.t.Fatalf("%s: %v", p.plan.Name, err)
	}
	r.process, p.running = cmd.Process, r
	go func() {
		defer close(r.ended)
		_ = cmd.Wait()
	}()
	p.awaitReady()
}

// awaitReady waits until the server is ready. It fails the test with the server's output if the
// server ends first.
func (p *Process) awaitReady() {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	for {
		err := p.plan.Ready(ctx)
		if err == nil {
			return
		}
		select {
		case <-p.running.ended:
			p.t.Fatalf("%s ended instead of getting ready (%v):\n%s", p.plan.Name, err, p.running.output.String())
		case <-ctx.Done():
			p.t.Fatalf("%s is not ready: %v\n%s", p.plan.Name, err, p.running.output.String())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func (p *Process) end(signal os.Signal) {
	if p.running == nil {
		return
	}
	_ = p.running.process.Signal(signal) // it fails if the server has ended already
	select {
	case <-p.running.ended:
	case <-time.After(patience):
		p.t.Errorf("%s does not end:\n%s", p.plan.Name, p.running.output.String())
		_ = p.running.process.Kill()
	}
	p.running = nil
}
