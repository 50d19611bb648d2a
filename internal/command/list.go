package command

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func listCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list [--quiet]",
		Short: "Lists the pools",
		Args:  cobra.NoArgs,
	}
	cmd.Flags().BoolP("quiet", "q", false, "Print only names, one a line")
	return bind(cmd, func(ctx context.Context, s *session, _ []string) error {
		var pools []poolAnswer
		return s.print(ctx, request{}, &pools, func() string {
			if s.flags.Bool("quiet") {
				return linesOf(pools, func(p *poolAnswer) string { return p.Name })
			}
			return poolTable(pools, time.Now())
		})
	})
}

func poolTable(pools []poolAnswer, now time.Time) string {
	t := table{head: []string{
		"POOL", "MODE", "SINCE", "USABLE", "UNHEALTHY", "DRAINING", "IN FLIGHT", "WAITING", "OVERRIDES", "FROZEN",
	}}
	for i := range pools {
		p := &pools[i]
		frozen := ""
		if p.Frozen != nil {
			frozen = fmt.Sprint("at revision ", p.Frozen.Revision)
		}
		t.add(p.Name, p.Mode, age(p.ModeSince, now), fmt.Sprintf("%d/%d", p.Usable, p.Endpoints), number(p.Unhealthy),
			number(p.Draining), fmt.Sprint(p.InFlight), number(p.Limits.waiting()), number(p.Overrides), frozen)
	}
	if len(pools) == 0 {
		return "The config has no pool.\n"
	}
	return t.String()
}

func linesOf[T any](all []T, name func(*T) string) string {
	var lines strings.Builder
	for i := range all {
		lines.WriteString(printable(name(&all[i])) + "\n")
	}
	return lines.String()
}
