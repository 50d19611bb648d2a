package process

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// Process is a program that was started.
type Process struct {
	command *exec.Cmd
	log     string
	ended   chan struct{} // closed when the process has ended
}

// startupTime is how long a program may take until it listens. Two seconds are usual for a Caddy on
// a machine that is busy otherwise.
const startupTime = 30 * time.Second

// Start starts a program in a folder. A program that keeps files in the home of its user keeps them
// there too. Its output is appended to the file "log" in the folder.
func Start(folder, path string, args ...string) (*Process, error) {
	p := &Process{log: filepath.Join(folder, "log"), ended: make(chan struct{})}
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	p.command = exec.Command(path, args...)
	p.command.Dir = folder
	p.command.Stdout, p.command.Stderr = log, log
	p.command.Env = append(os.Environ(), "HOME="+folder, "XDG_DATA_HOME="+folder, "XDG_CONFIG_HOME="+folder)
	makeGroup(p.command)
	if err := p.command.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.command.Wait()
		close(p.ended)
	}()
	return p, nil
}

// AwaitListener waits until the process accepts connections at an address of its own.
func (p *Process) AwaitListener(ctx context.Context, network, address string) error {
	ctx, cancel := context.WithTimeout(ctx, startupTime)
	defer cancel()
	for {
		connection, err := net.Dial(network, address)
		if err == nil {
			return connection.Close()
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-p.ended:
			return fmt.Errorf("ended before it listened: %s", p.command.ProcessState)
		case <-ctx.Done():
			return fmt.Errorf("does not listen at %s: %w", address, ctx.Err())
		}
	}
}

// ID returns the number that the system gave to the process.
func (p *Process) ID() int { return p.command.Process.Pid }

// IsRunning reports whether the process has not ended.
func (p *Process) IsRunning() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// Kill ends the process and its children at once, and waits for its end.
func (p *Process) Kill() {
	killGroup(p.command)
	<-p.ended
}

// Terminate asks the process to end, and waits for that. It is an error if the process fails, or
// runs on until the context ends.
func (p *Process) Terminate(ctx context.Context) error {
	if err := p.command.Process.Signal(terminate); err != nil {
		return err
	}
	select {
	case <-p.ended:
	case <-ctx.Done():
		return fmt.Errorf("%s does not end: %w", p.command.Path, ctx.Err())
	}
	if state := p.command.ProcessState; !state.Success() {
		return fmt.Errorf("%s: %s", p.command.Path, state)
	}
	return nil
}

// Output returns the end of the log.
func (p *Process) Output() string {
	const most = 4000
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-most):])
}
