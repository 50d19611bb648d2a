package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// process is a running proxy.
type process struct {
	command *exec.Cmd
	address string
	log     string
	ended   chan struct{} // closed when the process has ended
}

// startupTime is how long a proxy may take until it listens. Two seconds are usual for a Caddy on a
// machine that is busy otherwise.
const startupTime = 30 * time.Second

// startProxy starts a proxy in front of the backends and waits until it listens. The folder gets
// its config and its log.
func startProxy(ctx context.Context, p installed, folder string, backends []string) (*process, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	config := filepath.Join(folder, p.binary+".conf")
	if err := os.WriteFile(config, []byte(p.config(address, p.method, backends)), 0o644); err != nil {
		return nil, err
	}
	started, err := startProcess(folder, p.path, p.args(config)...)
	if err != nil {
		return nil, err
	}
	started.address = address
	if err := started.awaitListener(ctx); err != nil {
		started.stop()
		return nil, fmt.Errorf("%s: %w\n%s", p, err, started.output())
	}
	return started, nil
}

func startProcess(folder, path string, args ...string) (*process, error) {
	p := &process{log: filepath.Join(folder, "log"), ended: make(chan struct{})}
	log, err := os.Create(p.log)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	p.command = exec.Command(path, args...)
	p.command.Dir = folder
	p.command.Stdout, p.command.Stderr = log, log
	// Caddy keeps nothing beside the user's own Caddy.
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

func (p *process) awaitListener(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startupTime)
	defer cancel()
	for {
		connection, err := net.Dial("tcp", p.address)
		if err == nil {
			return connection.Close()
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-p.ended:
			return fmt.Errorf("ended before it listened: %s", p.command.ProcessState)
		case <-ctx.Done():
			return fmt.Errorf("does not listen at %s: %w", p.address, ctx.Err())
		}
	}
}

// isRunning reports whether the process has not ended.
func (p *process) isRunning() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// stop kills the process and its children, because a proxy has nothing to save and NGINX's workers
// would outlive their master.
func (p *process) stop() {
	killGroup(p.command)
	<-p.ended
}

// output returns the end of the log.
func (p *process) output() string {
	const most = 4000
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-most):])
}

// freeAddress returns a loopback address that is free. Its port is below the range that systems
// assign to clients, so that no connection takes it before the proxy listens.
func freeAddress() (string, error) {
	var err error
	for range 1000 {
		address := fmt.Sprintf("127.0.0.1:%d", 12000+rand.IntN(20000))
		var listener net.Listener
		if listener, err = net.Listen("tcp", address); err == nil {
			return address, listener.Close()
		}
	}
	return "", err
}
