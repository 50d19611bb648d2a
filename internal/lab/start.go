package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/caddy-balance/caddy-balance/internal/freeport"
	"github.com/caddy-balance/caddy-balance/internal/process"
)

// started is a running proxy.
type started struct {
	*process.Process
	address string
}

// startProxy starts a proxy in front of the backends and waits until it listens. The folder gets
// its config and its log.
func startProxy(ctx context.Context, p installed, folder string, backends []string) (*started, error) {
	address, err := freeport.Address()
	if err != nil {
		return nil, err
	}
	config := filepath.Join(folder, p.binary+".conf")
	if err := os.WriteFile(config, []byte(p.config(address, p.method, backends)), 0o644); err != nil {
		return nil, err
	}
	running, err := process.Start(folder, p.path, p.args(config)...)
	if err != nil {
		return nil, err
	}
	if err := running.AwaitListener(ctx, "tcp", address); err != nil {
		running.Kill()
		return nil, fmt.Errorf("%s: %w\n%s", p, err, running.Output())
	}
	return &started{running, address}, nil
}
