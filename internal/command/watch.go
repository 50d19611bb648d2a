package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

func watchCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "watch [<pool>] [--interval <duration>]",
		Short: "Shows a pool, or all pools, as a table that follows what happens",
		Long: `Shows a pool with its endpoints and last changes, or all pools, as a table that
follows what happens. Ctrl+C ends it.

If the output is no terminal, or with --json, the changes of the pool are
printed as they come, one a line.`,
		Args: cobra.MaximumNArgs(1),
	}
	cmd.Flags().Duration("interval", time.Second,
		"The time between two looks at the numbers; changes are shown at once")
	completeNames(cmd, 1)
	return bind(cmd, func(ctx context.Context, s *session, args []string) error {
		pool := ""
		if len(args) > 0 {
			pool = args[0]
		}
		const shortest = 100 * time.Millisecond
		interval := s.flags.Duration("interval")
		if interval < shortest {
			return fmt.Errorf("interval: %s is less than %s", interval, shortest)
		}
		if file, ok := s.out.(*os.File); ok && term.IsTerminal(int(file.Fd())) && !s.asJSON {
			return s.watchOn(ctx, &screen{file}, pool, interval)
		}
		if pool == "" {
			return errors.New("the output is no terminal, so a pool must be named; its changes are printed")
		}
		return s.follow(ctx, pool, s.printChange)
	})
}

func (s *session) printChange(e *endpoint.HistoryEntry, data string) error {
	if !s.asJSON {
		data = changeLine(e)
	}
	_, err := fmt.Fprintln(s.out, data)
	return err
}

// watchOn draws a table again at each interval, and at each change.
func (s *session) watchOn(ctx context.Context, on *screen, pool string, interval time.Duration) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := on.start(); err != nil {
		return err
	}
	changes, ended := make(chan endpoint.HistoryEntry), make(chan error, 1)
	if pool != "" {
		go func() {
			ended <- s.follow(ctx, pool, func(e *endpoint.HistoryEntry, _ string) error {
				select {
				case changes <- *e:
				case <-ctx.Done():
				}
				return ctx.Err()
			})
		}()
	}
	tick := time.NewTicker(interval)
	defer tick.Stop()
	var recent []endpoint.HistoryEntry
	for first := true; ; first = false {
		text, err := s.frame(ctx, pool, recent)
		if err != nil && (first || !mayCome(err)) {
			return err
		}
		if err != nil {
			text = "Error: " + printable(err.Error()) + "\n"
		}
		if err := on.draw(text); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case err := <-ended:
			return err
		case <-tick.C:
		case change := <-changes:
			const most = 5
			recent = append(recent, change)
			recent = recent[max(len(recent)-most, 0):]
		}
	}
}

// frame returns what the terminal is to show now.
func (s *session) frame(ctx context.Context, pool string, recent []endpoint.HistoryEntry) (string, error) {
	if pool == "" {
		var pools []poolAnswer
		err := s.get(ctx, request{}, &pools)
		return poolTable(pools, time.Now()), err
	}
	var p poolAnswer
	if err := s.get(ctx, request{pool: pool}, &p); err != nil {
		return "", err
	}
	text := poolText(&p, time.Now())
	if len(recent) > 0 {
		text += "\n"
	}
	for i := len(recent) - 1; i >= 0; i-- {
		text += changeLine(&recent[i]) + "\n"
	}
	return text, nil
}
