package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	// An output that nothing reads any more, as below head, would end the lab without its proxies.
	ctx, stop := signal.NotifyContext(context.Background(),
		os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "lab:", err)
		os.Exit(1)
	}
}

// run measures what the arguments ask for. The table goes to out, and progress and notes to notes.
// An interrupted run prints what it has measured until then.
func run(ctx context.Context, args []string, out, notes io.Writer) error {
	options, err := parse(args, notes)
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "lab-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)

	proxies, err := install(ctx, options, folder, notes)
	if err != nil {
		return err
	}
	var s measuring = &session{options: options, proxies: proxies, folder: folder, notes: notes}
	if options.layer4 {
		s = &connectionSession{options: options, proxies: proxies, folder: folder, notes: notes}
	}
	err = s.measure(ctx)
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	s.print(out)
	return err
}

// measuring is what a session does.
type measuring interface {
	measure(ctx context.Context) error
	print(w io.Writer)
}
