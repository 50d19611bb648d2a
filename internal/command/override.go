package command

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/caddy-balance/caddy-balance/internal/count"
)

// overrideCommands are the commands that put endpoints into a state, one for each state.
func overrideCommands() (all []*cobra.Command) {
	for _, state := range []struct{ name, short, long string }{
		{"drain", "Lets endpoints finish their requests and sends them no new ones",
			"An endpoint that drains still gets requests if only draining ones are left."},
		{"ready", "Sends requests to endpoints that their source, or they themselves, drain",
			"Health checks still count. `clear` leaves the state to the source again."},
		{"down", "Treats endpoints as if their checks failed",
			"A pool that fails open, because too few are healthy, uses them nevertheless."},
		{"maintenance", "Sends no requests at all to endpoints, even if no others are left", ""},
	} {
		cmd := &cobra.Command{
			Use:   state.name + " <pool> <endpoint>... [--until <duration>] [--reason <text>] [--force]",
			Short: state.short,
			Long: state.short + ", at once and\n" +
				"without a reload, until `caddy pools clear` or the given time.\n" + state.long,
			Args:    cobra.MinimumNArgs(2),
			Example: "  caddy pools " + state.name + " web 10.0.0.1:80 --until 15m --reason 'kernel update'",
		}
		addOverrideFlags(cmd)
		completeNames(cmd, anyNumber)
		all = append(all, bind(cmd, func(ctx context.Context, s *session, args []string) error {
			return s.override(ctx, args[0], args[1:], map[string]any{"state": state.name})
		}))
	}
	return all
}

func weightCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "weight <pool> <endpoint> <weight> [--until <duration>] [--reason <text>] [--force]",
		Short: "Sets the weight of an endpoint, whatever its source says",
		Long: "Sets the weight of an endpoint, from 0 to 65535, whatever its source says, until\n" +
			"`caddy pools clear` or the given time. 0 drains it.",
		Args:    cobra.ExactArgs(3),
		Example: "  caddy pools weight web 10.0.0.1:80 3",
	}
	addOverrideFlags(cmd)
	completeNames(cmd, 2)
	return bind(cmd, func(ctx context.Context, s *session, args []string) error {
		weight, err := strconv.Atoi(args[2])
		if err != nil {
			return fmt.Errorf("weight: %q is not a whole number", args[2])
		}
		return s.override(ctx, args[0], args[1:2], map[string]any{"weight": weight})
	})
}

func addOverrideFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.String("until", "", "End by itself after a duration such as 15m, or at a time such as 2027-01-02T15:04:05Z")
	flags.String("reason", "", "Why; shown with the state")
	flags.Bool("force", false, "Do it even to the last usable endpoint")
}

// override sends the same change to each endpoint, and shows what became of it. It ends at the
// first failure.
func (s *session) override(ctx context.Context, pool string, endpoints []string, body map[string]any) error {
	for _, name := range []string{"until", "reason"} {
		body[name] = nil // what an earlier change has set does not hold for this one
		if text := s.flags.String(name); text != "" {
			body[name] = text
		}
	}
	if s.flags.Bool("force") {
		body["force"] = true
	}
	for _, name := range endpoints {
		var e endpointAnswer
		r := request{method: http.MethodPatch, pool: pool, endpoint: name, body: body}
		err := s.print(ctx, r, &e, func() string { return changedText(&e, time.Now()) })
		if err != nil {
			return err
		}
	}
	return nil
}

func changedText(e *endpointAnswer, now time.Time) string {
	return printable(fmt.Sprintf("%s: %s; weight %.4g, %s in flight",
		e.Address, stateText(&e.Status, now), e.EffectiveWeight, count.Of(e.Load.InFlight, "request"))) + "\n"
}

func clearCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "clear <pool> <endpoint>...",
		Short: "Ends what drain, ready, down, maintenance and weight have set",
		Args:  cobra.MinimumNArgs(2),
	}
	completeNames(cmd, anyNumber)
	return bind(cmd, func(ctx context.Context, s *session, args []string) error {
		for _, name := range args[1:] {
			r := request{method: http.MethodDelete, pool: args[0], endpoint: name, action: "override"}
			if err := s.ended(ctx, r, name+": nothing was set"); err != nil {
				return err
			}
		}
		return nil
	})
}

func resetCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "reset <pool> <endpoint>...",
		Short: "Forgets latency, failures and ejections of endpoints",
		Args:  cobra.MinimumNArgs(2),
	}
	completeNames(cmd, anyNumber)
	return bind(cmd, func(ctx context.Context, s *session, args []string) error {
		for _, name := range args[1:] {
			r := request{method: http.MethodPost, pool: args[0], endpoint: name, action: "reset"}
			if _, err := s.send(ctx, r); err != nil {
				return err
			}
		}
		return nil
	})
}
