package command

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/caddy-balance/caddy-balance/internal/count"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

func showCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show <pool> [<endpoint>] [--quiet]",
		Short: "Shows a pool with its endpoints, or all that is known of one endpoint",
		Args:  cobra.RangeArgs(1, 2),
	}
	cmd.Flags().BoolP("quiet", "q", false, "Print only the addresses of the endpoints, one a line")
	completeNames(cmd, 2)
	return bind(cmd, func(ctx context.Context, s *session, args []string) error {
		if len(args) == 2 {
			var e endpointAnswer
			return s.print(ctx, request{pool: args[0], endpoint: args[1]}, &e, func() string {
				if s.flags.Bool("quiet") {
					return printable(e.Address) + "\n"
				}
				return endpointText(&e, time.Now())
			})
		}
		var p poolAnswer
		return s.print(ctx, request{pool: args[0]}, &p, func() string {
			if s.flags.Bool("quiet") {
				return linesOf(p.Members, func(e *endpointAnswer) string { return e.Address })
			}
			return poolText(&p, time.Now())
		})
	})
}

// poolText shows a pool: what holds for it as a whole, and a table of its endpoints.
func poolText(p *poolAnswer, now time.Time) string {
	var text strings.Builder
	line := func(format string, args ...any) { text.WriteString(printable(fmt.Sprintf(format, args...)) + "\n") }
	line("pool %s: %s for %s, %d of %s usable, %s in flight", p.Name, p.Mode, age(p.ModeSince, now), p.Usable,
		count.Of(p.Endpoints, "endpoint"), count.Of(p.InFlight, "request"))
	if f := p.Frozen; f != nil {
		line("frozen at revision %d for %s, by %s%s", f.Revision, age(f.Since, now), f.By, because(f.Reason))
	}
	for i := range p.Sources {
		line("%s", sourceText(&p.Sources[i], now))
	}
	for _, text := range p.usage(now) {
		line("%s", text)
	}
	for _, f := range p.Failures {
		line("failing: %d × %s", f.Endpoints, f.Reason)
	}
	if len(p.Members) > 0 {
		text.WriteString("\n" + endpointTable(p.Members, now))
	}
	return text.String()
}

// sourceText shows a source of a pool. An error is shown as long as it lasts.
func sourceText(s *endpoint.SourceStatus, now time.Time) string {
	text := fmt.Sprintf("source %s: %s, %d in its list", s.Name, s.State, s.Entries)
	if s.State == endpoint.SourceStale && !s.LastSuccess.IsZero() {
		text += fmt.Sprintf(" from %s ago", age(s.LastSuccess, now))
	}
	if !s.HeldUntil.IsZero() {
		text += ", without those that are lost from " + clock(s.HeldUntil)
	}
	if s.Dropped > 0 {
		text += fmt.Sprintf(", %d dropped", s.Dropped)
		if len(s.FirstDropped) > 0 {
			text += fmt.Sprintf(", first %s: %s", s.FirstDropped[0].Key, s.FirstDropped[0].Reason)
		}
	}
	if s.State == endpoint.SourceLive || s.LastErrorAt.Before(s.LastSuccess) {
		return text
	}
	return text + because(s.LastError)
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + reason
}

func endpointTable(members []endpointAnswer, now time.Time) string {
	t := table{head: []string{
		"ENDPOINT", "ID", "ZONE", "PRIORITY", "GROUP", "STATE", "SINCE", "WEIGHT", "IN FLIGHT", "PARKED", "SESSIONS",
		"TIME", "UNTIL", "WHY",
	}}
	for i := range members {
		e := &members[i]
		until := ""
		if e.Override != nil && !e.Override.Until.IsZero() {
			until = clock(e.Override.Until)
		}
		t.add(e.Address, e.ID, e.Zone, number(e.Priority), e.group(), e.State, age(e.Since, now),
			fmt.Sprint(e.EffectiveWeight), fmt.Sprint(e.Load.InFlight), number(e.Load.Parked), e.sessions(),
			e.relativeTime(), until, e.Reason)
	}
	return t.String()
}

// group returns the groups of the endpoint, and says so if a policy with groups has none for it.
func (e *endpointAnswer) group() string {
	if e.Ungrouped {
		return strings.Join(append(slices.Clone(e.Groups), "none"), ", ")
	}
	return strings.Join(e.Groups, ", ")
}

// sessions returns the number of sessions that the proxy remembers, if it does.
func (e *endpointAnswer) sessions() string {
	if e.Sessions == nil {
		return ""
	}
	return fmt.Sprint(*e.Sessions)
}

// relativeTime returns the time to first byte relative to the pool's, if something is known of it.
func (e *endpointAnswer) relativeTime() string {
	const least = 0.1 // of certainty; below it, the number is hardly more than a guess
	if e.Load.Certainty < least {
		return ""
	}
	return fmt.Sprintf("%.2fx", e.Load.RelativeTime)
}

// clock returns a time as the people of this machine write it.
func clock(t time.Time) string { return t.Local().Format(time.DateTime) }
