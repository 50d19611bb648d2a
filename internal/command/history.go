package command

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/caddy-balance/caddy-balance/internal/count"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

func historyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "history <pool>",
		Short: "Shows the last changes of a pool, the newest first",
		Args:  cobra.ExactArgs(1),
	}
	completeNames(cmd, 1)
	return bind(cmd, func(ctx context.Context, s *session, args []string) error {
		var entries []endpoint.HistoryEntry
		r := request{pool: args[0], action: "history"}
		return s.print(ctx, r, &entries, func() string { return historyTable(entries) })
	})
}

func historyTable(entries []endpoint.HistoryEntry) string {
	if len(entries) == 0 {
		return "Nothing has changed since the start of Caddy.\n"
	}
	t := table{head: []string{"REVISION", "TIME", "KIND", "ENDPOINT", "EVENT", "BY", "ROLLBACK", "WHY"}}
	for i := range entries {
		e := &entries[i]
		rollback := ""
		if e.Rollback {
			rollback = "possible"
		}
		t.add(fmt.Sprint(e.Revision), clock(e.Time), string(e.Kind), e.Address, eventText(e), e.By, rollback, e.Reason)
	}
	return t.String()
}

func eventText(e *endpoint.HistoryEntry) string {
	var parts []string
	if e.Event != "" {
		parts = append(parts, e.Event)
	}
	if e.To != 0 {
		parts = append(parts, fmt.Sprint("at revision ", e.To))
	}
	for _, change := range []struct {
		name string
		of   *endpoint.Addresses
	}{{"added", e.Added}, {"removed", e.Removed}, {"changed", e.Changed}} {
		if change.of != nil && change.of.Count > 0 {
			parts = append(parts, change.name+" "+addressesText(change.of))
		}
	}
	if e.Endpoints != nil {
		parts = append(parts, "now "+count.Of(*e.Endpoints, "endpoint"))
	}
	return strings.Join(parts, ", ")
}

// addressesText names one or two endpoints, and counts more of them.
func addressesText(a *endpoint.Addresses) string {
	const most = 2
	if a.Count <= most && len(a.First) == a.Count {
		return strings.Join(a.First, " and ")
	}
	return fmt.Sprint(a.Count)
}

// changeLine is a change on one line, for logs and pipes.
func changeLine(e *endpoint.HistoryEntry) string {
	parts := []string{clock(e.Time), fmt.Sprint(e.Revision), string(e.Kind)}
	for _, part := range []string{e.Address, eventText(e)} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	if e.By != "" {
		parts = append(parts, "by "+e.By)
	}
	return printable(strings.Join(parts, " ") + because(e.Reason))
}

func rollbackCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rollback <pool> <revision> [--reason <text>]",
		Short: "Goes back to the endpoints of a revision and keeps them, whatever the sources say",
		Long: "Goes back to the endpoints that a pool had after a revision of its history, and keeps\n" +
			"them, whatever its sources say, until `caddy pools release`.",
		Args:    cobra.ExactArgs(2),
		Example: "  caddy pools rollback web 12 --reason 'the registry lost half of its entries'",
	}
	cmd.Flags().String("reason", "", "Why; shown with the pool")
	completeNames(cmd, 1)
	return bind(cmd, func(ctx context.Context, s *session, args []string) error {
		revision, err := strconv.ParseUint(args[1], 10, 64)
		if err != nil {
			return fmt.Errorf("revision: %q is not a number of the history", args[1])
		}
		var frozen endpoint.Frozen
		r := request{method: http.MethodPost, pool: args[0], action: "rollback", body: map[string]any{
			"revision": revision, "reason": s.flags.String("reason"),
		}}
		return s.print(ctx, r, &frozen, func() string {
			return fmt.Sprintf("pool %s keeps the endpoints of revision %d until it is released\n",
				args[0], frozen.Revision)
		})
	})
}

func releaseCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "release <pool>",
		Short: "Lets a pool follow its sources again after a rollback",
		Args:  cobra.ExactArgs(1),
	}
	completeNames(cmd, 1)
	return bind(cmd, func(ctx context.Context, s *session, args []string) error {
		_, err := s.send(ctx, request{method: http.MethodDelete, pool: args[0], action: "rollback"})
		return err
	})
}
