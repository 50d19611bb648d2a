package command

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

func groupsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "groups <pool>",
		Short: "Shows the groups of endpoints of the policy split, and their shares",
		Args:  cobra.ExactArgs(1),
	}
	completeNames(cmd, 1)
	return bind(cmd, func(ctx context.Context, s *session, args []string) error {
		var groups []endpoint.Group
		r := request{pool: args[0], action: "groups"}
		return s.print(ctx, r, &groups, func() string { return groupTable(groups, time.Now()) })
	})
}

func groupTable(groups []endpoint.Group, now time.Time) string {
	if len(groups) == 0 {
		return "No policy of the pool has groups. Below `dynamic multi`, the shares are those of the config.\n"
	}
	t := table{head: []string{
		"GROUP", "SHARE", "CONFIG", "USABLE", "PICKS", "SPILLED", "STEP", "GUARD", "SET", "BY", "WHY",
	}}
	for i := range groups {
		g := &groups[i]
		configured, step, since, by, why := "the rest", "", "", "", ""
		if g.Configured != nil {
			configured = percent(*g.Configured)
		}
		if g.Step != nil {
			step = fmt.Sprintf("%d of %d", g.Step.Number, g.Step.Of)
		}
		if g.Set != nil {
			since, by, why = age(g.Set.Since, now), g.Set.By, g.Set.Reason
		}
		t.add(g.Name, percent(g.Share), configured, fmt.Sprintf("%d/%d", g.Usable, g.Endpoints),
			fmt.Sprint(g.Picks), number(g.Spilled), step, g.Guard, since, by, why)
	}
	return t.String()
}

func percent(share float64) string { return strconv.FormatFloat(share, 'f', -1, 64) + "%" }

func shareCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "share <pool> <group> <share>%|config [--reason <text>]",
		Short: "Sets the share of a group of endpoints, whatever the config says",
		Long: "Sets the share of a group of endpoints of the policy split, in percent, whatever the\n" +
			"config says. It holds over reloads and restarts, until `config` leaves the share to\n" +
			"the config again.",
		Args:    cobra.ExactArgs(3),
		Example: "  caddy pools share web canary 20%",
	}
	cmd.Flags().String("reason", "", "Why; shown with the share and in the history")
	completeNames(cmd, 1)
	return bind(cmd, func(ctx context.Context, s *session, args []string) error {
		if strings.Trim(args[1], ".") == "" { // it cannot stand in a path
			return fmt.Errorf("group: %q is not the name of a group, such as canary", args[1])
		}
		r := request{method: http.MethodDelete, pool: args[0], group: args[1], action: "share"}
		if args[2] == "config" {
			return s.ended(ctx, r, fmt.Sprintf("group %s: no share was set", args[1]))
		}
		share, err := strconv.ParseFloat(strings.TrimSuffix(args[2], "%"), 64)
		if err != nil || math.IsNaN(share) || math.IsInf(share, 0) {
			return fmt.Errorf("share: %q is no percentage such as 20%%, and not config", args[2])
		}
		body := map[string]any{"share": share}
		if reason := s.flags.String("reason"); reason != "" {
			body["reason"] = reason
		}
		r.method, r.action, r.body = http.MethodPatch, "", body
		var g endpoint.Group
		return s.print(ctx, r, &g, func() string {
			return printable(fmt.Sprintf("group %s gets %s of the requests", g.Name, percent(g.Share))) + "\n"
		})
	})
}
