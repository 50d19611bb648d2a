package command

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
)

// session is one run of a command.
type session struct {
	*api
	flags    caddycmd.Flags
	asJSON   bool
	out, err io.Writer
}

func newSession(cmd *cobra.Command) (*session, error) {
	flags := caddycmd.Flags{FlagSet: cmd.Flags()}
	address, err := caddycmd.DetermineAdminAPIAddress(
		flags.String("address"), nil, flags.String("config"), flags.String("adapter"))
	if err != nil {
		return nil, fmt.Errorf("the address of the admin endpoint is not known: %w", err)
	}
	a, err := newAPI(address)
	if err != nil {
		return nil, err
	}
	return &session{a, flags, flags.Bool("json"), cmd.OutOrStdout(), cmd.ErrOrStderr()}, nil
}

// print shows the answer to a request: as it is with --json, and otherwise as text renders it.
func (s *session) print(ctx context.Context, r request, into any, text func() string) error {
	data, err := s.send(ctx, r)
	if err != nil {
		return err
	}
	if s.asJSON {
		_, err = s.out.Write(data)
		return err
	}
	if err := decode(data, into); err != nil {
		return err
	}
	_, err = io.WriteString(s.out, text())
	return err
}

func decode(data []byte, into any) error {
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("the answer of the admin endpoint is not what was expected: %w", err)
	}
	return nil
}
