package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/caddy-balance/caddy-balance/internal/chaos/backend"
)

// backendCommand makes this program a backend.
const backendCommand = "backend"

func main() {
	var err error
	if len(os.Args) > 3 && os.Args[1] == backendCommand {
		err = backend.Run(os.Args[2], os.Args[3:])
	} else {
		err = interruptible()
	}
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(1)
	}
}

// interruptible runs what the arguments ask for. An interrupt ends all processes that were started.
func interruptible() error {
	ctx, stop := signal.NotifyContext(context.Background(),
		os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	defer stop()
	options, err := parse(os.Args[1:], os.Stderr)
	if err != nil {
		return err
	}
	return run(ctx, options, os.Stdout, os.Stderr)
}
