package command

import (
	"context"
	"fmt"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
)

func init() {
	caddycmd.RegisterCommand(caddycmd.Command{
		Name:      "pools",
		Usage:     "<command>",
		Short:     "Shows and changes the upstream pools of the running Caddy instance",
		Long:      long,
		CobraFunc: build,
	})
}

const long = `
Shows and changes the upstream pools of the running Caddy instance, through its
admin API. An endpoint is named by its id or its address. What is changed holds
at once and needs no reload.

The address of the admin endpoint is that of the --address flag if specified;
otherwise it is loaded from the given config file; otherwise the default is
assumed. Unix sockets are written as in a config: unix//run/caddy/admin.sock

Exit codes:
  0  done
  1  wrong usage, or an error that no other code is for
  2  Caddy refuses the request
  3  the admin endpoint cannot be reached, or has no API of pools
  4  there is no such pool
  5  the pool has no such endpoint
  6  what the command waits for has not come in time
  7  the endpoint is the last usable one of its pool; --force does it anyway
`

// build adds the flags that all commands have, and the commands.
func build(pools *cobra.Command) {
	flags := pools.PersistentFlags()
	flags.String("address", "", "Address of the administration listener, if different from config")
	flags.StringP("config", "c", "", "Configuration file to read the address from")
	flags.StringP("adapter", "a", "", "Name of config adapter to apply to the configuration file")
	flags.Bool("json", false, "Print the answers of the admin API as they are")
	pools.Args = cobra.NoArgs
	pools.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	pools.AddCommand(listCommand(), showCommand(), routesCommand(), groupsCommand(), shareCommand())
	pools.AddCommand(overrideCommands()...)
	pools.AddCommand(weightCommand(), clearCommand(), resetCommand(), explainCommand())
	pools.AddCommand(historyCommand(), rollbackCommand(), releaseCommand(), waitCommand(), watchCommand())
}

// run is the work of a command. args are those of the command line.
type run func(ctx context.Context, s *session, args []string) error

// bind makes a command say what it expects, do its work, and end with the exit code of the error.
func bind(cmd *cobra.Command, work run) *cobra.Command {
	if fits := cmd.Args; fits != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if fits(cmd, args) != nil {
				return fmt.Errorf("expected %s %s", cmd.Parent().CommandPath(), cmd.Use)
			}
			return nil
		}
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		err := connect(cmd, func(ctx context.Context, s *session) error { return work(ctx, s, args) })
		if err == nil {
			return nil
		}
		cmd.SilenceErrors, cmd.Root().SilenceUsage = true, true
		fmt.Fprintln(cmd.ErrOrStderr(), "Error:", printable(err.Error()))
		if code := codeOf(err); code != codeOther {
			exit := func(caddycmd.Flags) (int, error) { return code, nil }
			return caddycmd.WrapCommandFuncForCobra(exit)(cmd, args)
		}
		return err
	}
	return cmd
}

func connect(cmd *cobra.Command, work func(ctx context.Context, s *session) error) error {
	s, err := newSession(cmd)
	if err != nil {
		return err
	}
	ctx := cmd.Context()
	if ctx == nil {
		ctx = context.Background()
	}
	return work(ctx, s)
}
