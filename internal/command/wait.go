package command

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"
)

func waitCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "wait <pool> [<endpoint>...] [--usable <number> | --idle] [--stable <duration>] [--timeout <duration>]",
		Short: "Waits until endpoints are usable, or idle",
		Long: `Waits until endpoints are usable, or until they have no requests in flight.

With names, only these endpoints count, and by default all of them must be
usable. Without names all endpoints of the pool count, and by default one of
them must be usable. With --idle, none of them may have a request in flight;
long-lived ones such as websockets count too.

An endpoint that the pool does not have yet, a pool that the config does not
have yet, and a Caddy that cannot be reached are waited for too. The exit code
says what was missing in the end. Only --idle fails at once if there is no such
endpoint.`,
		Args: cobra.MinimumNArgs(1),
		Example: `  caddy pools wait web --usable 3 --timeout 1m
  caddy pools wait web 10.0.0.1:80 --idle`,
	}
	flags := cmd.Flags()
	flags.Int("usable", 0, "Wait until this many of the endpoints are usable (default: all that are named, or 1)")
	flags.Bool("idle", false, "Wait until no request is in flight")
	flags.Duration("stable", 0, "Wait until that holds for this long without a break")
	flags.Duration("timeout", time.Minute, "The maximum time to wait; 0 is no limit")
	cmd.MarkFlagsMutuallyExclusive("usable", "idle")
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
}

func (s *session) goal(pool string, names []string) (*goal, error) {
	g := &goal{s.api, pool, names, max(len(names), 1), s.flags.Bool("idle")}
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
	usable, inFlight := p.Usable, p.InFlight
	if len(g.names) > 0 {
		usable, inFlight = 0, 0
	}
	for _, name := range g.names {
		i := slices.IndexFunc(p.Members, func(e endpointAnswer) bool { return e.isNamed(name) })
		switch {
		case i >= 0:
			inFlight += p.Members[i].Load.InFlight
			if p.Members[i].Usable {
				usable++
			}
		case g.idle:
			return false, "", failed(codeNoEndpoint, "pool %q has no endpoint with the id or address %q", g.pool, name)
		}
	}
	if g.idle {
		return inFlight == 0, fmt.Sprintf("%s in flight", count(inFlight, "request")), nil
	}
	return usable >= g.usable, fmt.Sprintf("%d of %s usable", usable, count(g.usable, "endpoint")), nil
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
