package command

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/caddy-balance/caddy-balance/internal/count"
)

func waitCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "wait <pool> [<endpoint>...] [--usable <number> | --idle | --no-sessions] [--stable <duration>] " +
			"[--timeout <duration>]",
		Short: "Waits until endpoints are usable, or idle",
		Long: `Waits until endpoints are usable, or until they have no requests in flight.

With names, only these endpoints count, and by default all of them must be
usable. Without names all endpoints of the pool count, and by default one of
them must be usable. With --idle, none of them may have a request in flight;
long-lived ones such as websockets count too. --no-sessions waits besides until
none of them has a sticky session that the proxy remembers.

An endpoint that the pool does not have yet, a pool that the config does not
have yet, and a Caddy that cannot be reached are waited for too. The exit code
says what was missing in the end. Only --idle and --no-sessions fail at once if
there is no such endpoint.`,
		Args: cobra.MinimumNArgs(1),
		Example: `  caddy pools wait web --usable 3 --timeout 1m
  caddy pools wait web 10.0.0.1:80 --idle`,
	}
	flags := cmd.Flags()
	flags.Int("usable", 0, "Wait until this many of the endpoints are usable (default: all that are named, or 1)")
	flags.Bool("idle", false, "Wait until no request is in flight")
	flags.Bool("no-sessions", false, "Wait until no request is in flight, and no session is remembered")
	flags.Duration("stable", 0, "Wait until that holds for this long without a break")
	flags.Duration("timeout", time.Minute, "The maximum time to wait; 0 is no limit")
	cmd.MarkFlagsMutuallyExclusive("usable", "idle", "no-sessions")
	completeNames(cmd, anyNumber)
	return bind(cmd, func(ctx context.Context, s *session, args []string) error {
		w, err := s.goal(args[0], args[1:])
		if err != nil {
			return err
		}
		p := patience{s.flags.Duration("stable"), s.flags.Duration("timeout")}
		if p.stable < 0 || p.timeout < 0 || p.timeout > 0 && p.stable > p.timeout {
			return fmt.Errorf("stable and timeout: %s and %s; expected durations such as 5s and 1m",
				p.stable, p.timeout)
		}
		return s.wait(ctx, p, w.check)
	})
}

// goal is what a wait is for.
type goal struct {
	api    *api
	pool   string
	names  []string
	usable int // the number of endpoints; with idle it has no meaning
	idle   bool
	ended  bool // with idle: whether sessions must have ended too
}

func (s *session) goal(pool string, names []string) (*goal, error) {
	g := &goal{api: s.api, pool: pool, names: names, usable: max(len(names), 1)}
	g.ended = s.flags.Bool("no-sessions")
	g.idle = g.ended || s.flags.Bool("idle")
	if s.flags.Changed("usable") {
		g.usable = s.flags.Int("usable")
	}
	if g.usable < 1 || len(names) > 0 && g.usable > len(names) {
		return nil, fmt.Errorf("usable: %d is not a number of endpoints to wait for", g.usable)
	}
	return g, nil
}

// check asks Caddy once whether the goal is reached, and says how far it is.
func (g *goal) check(ctx context.Context) (reached bool, says string, err error) {
	var p poolAnswer
	if err := g.api.get(ctx, request{pool: g.pool}, &p); err != nil {
		return false, "", err
	}
	members, err := g.members(&p)
	if err != nil {
		return false, "", err
	}
	if g.idle {
		return g.checkIdle(&p, members)
	}
	usable := p.Usable
	if len(g.names) > 0 {
		usable = 0
		for _, e := range members {
			if e.Usable {
				usable++
			}
		}
	}
	return usable >= g.usable, fmt.Sprintf("%d of %s usable", usable, count.Of(g.usable, "endpoint")), nil
}

// members returns the endpoints that the goal is about, as far as the pool has them.
func (g *goal) members(p *poolAnswer) (members []*endpointAnswer, err error) {
	for i := range p.Members {
		if len(g.names) == 0 {
			members = append(members, &p.Members[i])
		}
	}
	for _, name := range g.names {
		i := slices.IndexFunc(p.Members, func(e endpointAnswer) bool { return e.isNamed(name) })
		switch {
		case i >= 0:
			members = append(members, &p.Members[i])
		case g.idle:
			return nil, failed(codeNoEndpoint, "pool %q has no endpoint with the id or address %q", g.pool, name)
		}
	}
	return members, nil
}

// checkIdle is check for a goal without requests in flight.
func (g *goal) checkIdle(p *poolAnswer, members []*endpointAnswer) (reached bool, says string, err error) {
	inFlight, sessions := 0, 0
	for _, e := range members {
		inFlight += e.Load.InFlight
		if e.Sessions != nil {
			sessions += *e.Sessions
		} else if g.ended {
			return false, "", fmt.Errorf("no-sessions: the proxy remembers no sessions of pool %q; "+
				"those that clients carry cannot be counted", g.pool)
		}
	}
	if len(g.names) == 0 {
		inFlight = p.InFlight // those at endpoints that have left count too
	}
	if g.ended {
		return inFlight == 0 && sessions == 0,
			count.Of(inFlight, "request") + " in flight, " + count.Of(sessions, "session"), nil
	}
	return inFlight == 0, count.Of(inFlight, "request") + " in flight", nil
}

const (
	firstPause = 100 * time.Millisecond
	lastPause  = time.Second // Caddy logs each request to its admin endpoint
)

// patience is how long a wait may take.
type patience struct {
	stable  time.Duration // the goal must hold for so long
	timeout time.Duration // 0 is no limit
}

// wait asks again and again until the goal is reached or the time is over. It asks once in any
// case.
func (s *session) wait(ctx context.Context, p patience,
	check func(context.Context) (reached bool, says string, err error),
) error {
	limit := ctx
	if p.timeout > 0 {
		var cancel context.CancelFunc
		limit, cancel = context.WithTimeout(ctx, p.timeout)
		defer cancel()
	}
	var since time.Time // when the goal was reached; zero while it is not
	reached, says, err := check(ctx)
	for pause := firstPause; ; pause = min(pause*3/2, lastPause) {
		switch {
		case err != nil && !mayCome(err):
			return err
		case err != nil || !reached:
			since = time.Time{}
		case since.IsZero():
			since = time.Now()
		}
		if reached && err == nil && time.Since(since) >= p.stable {
			fmt.Fprintln(s.err, says)
			return nil
		}
		if err == nil && reached {
			says += fmt.Sprintf(", but not for %s yet", p.stable)
		}
		if err == nil {
			err = failed(codeTimeout, "%s", says)
		}
		if pause == firstPause {
			fmt.Fprintln(s.err, "waiting:", printable(err.Error()))
		}
		last := err
		select {
		case <-limit.Done():
			return notInTime(p.timeout, last)
		case <-time.After(pause):
		}
		if reached, says, err = check(limit); err != nil && limit.Err() != nil {
			return notInTime(p.timeout, last) // the time was over before Caddy answered
		}
	}
}

// mayCome reports whether the cause of an error may go away by itself.
func mayCome(err error) bool { return codeOf(err) == codeUnreachable || codeOf(err) == codeNoPool }

func notInTime(timeout time.Duration, err error) error {
	return failed(codeOf(err), "not within %s: %v", timeout, err)
}
