package command

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
)

func routesCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "routes <pool>",
		Short: "Shows what a pool knows of its routes, the busiest first",
		Args:  cobra.ExactArgs(1),
	}
	completeNames(cmd, 1)
	return bind(cmd, func(ctx context.Context, s *session, args []string) error {
		var routes []routeAnswer
		r := request{pool: args[0], action: "routes"}
		return s.print(ctx, r, &routes, func() string { return routeTable(routes) })
	})
}

func routeTable(routes []routeAnswer) string {
	if len(routes) == 0 {
		return "No request has shown a route yet, or no policy tells routes apart.\n"
	}
	t := table{head: []string{"ROUTE", "REQUESTS", "MEAN", "FAILURES", "PARKED"}}
	for _, r := range routes {
		parked := ""
		if r.Parked {
			parked = "yes"
		}
		mean := time.Duration(r.MeanSeconds * float64(time.Second)).Round(10 * time.Microsecond)
		t.add(r.Name, fmt.Sprint(r.Requests), mean.String(), fmt.Sprintf("%.1f%%", r.Failures*100), parked)
	}
	return t.String()
}
