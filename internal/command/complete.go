package command

import (
	"context"
	"time"

	"github.com/spf13/cobra"
)

// anyNumber is the limit of a command that takes one endpoint or more.
const anyNumber = 1 << 30

// completionTimeout is short, because a person waits at the prompt.
const completionTimeout = 2 * time.Second

// completeNames completes the arguments of a command: a pool first, then endpoints of it, up to a
// number of names in all. If Caddy cannot be asked, nothing is completed.
func completeNames(cmd *cobra.Command, most int) {
	cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, _ string) (
		found []cobra.Completion, _ cobra.ShellCompDirective,
	) {
		if len(args) < most {
			_ = connect(cmd, func(ctx context.Context, s *session) (err error) {
				ctx, cancel := context.WithTimeout(ctx, completionTimeout)
				defer cancel()
				found, err = s.candidates(ctx, args)
				return err
			})
		}
		return found, cobra.ShellCompDirectiveNoFileComp
	}
}

// candidates returns what may follow the arguments.
func (s *session) candidates(ctx context.Context, args []string) (found []cobra.Completion, err error) {
	if len(args) == 0 {
		return s.poolNames(ctx)
	}
	var p poolAnswer
	if err := s.get(ctx, request{pool: args[0]}, &p); err != nil {
		return nil, err
	}
	for i := range p.Members {
		e := &p.Members[i]
		found = append(found, cobra.CompletionWithDesc(e.Address, e.State))
		if e.ID != "" {
			found = append(found, cobra.CompletionWithDesc(e.ID, e.State+", "+e.Address))
		}
	}
	return found, nil
}
