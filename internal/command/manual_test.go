package command_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
)

var flagPattern = regexp.MustCompile(`(?m)^ +(-\w, )?--[a-z]+`)

func TestTheManualHasEveryCommandFlagAndExitCode(t *testing.T) {
	data, err := os.ReadFile("../../docs/command.md")
	if err != nil {
		t.Fatal(err)
	}
	manual := string(data)
	wants := func(what, text string) {
		if !strings.Contains(manual, text) {
			t.Errorf("docs/command.md lacks %s: %q", what, text)
		}
	}
	pools := &cobra.Command{Use: "pools"}
	registered := caddycmd.Commands()["pools"]
	registered.CobraFunc(pools)
	flags := flagPattern.FindAllString(pools.PersistentFlags().FlagUsages(), -1)
	for _, cmd := range pools.Commands() {
		wants("a command", "\n| `"+cmd.Name())
		flags = append(flags, flagPattern.FindAllString(cmd.LocalNonPersistentFlags().FlagUsages(), -1)...)
	}
	for _, flag := range flags {
		wants("a flag", flag[strings.Index(flag, "--"):])
	}
	for code := range 8 {
		wants("an exit code", fmt.Sprintf("\n| %d | ", code))
		if !strings.Contains(registered.Long, fmt.Sprintf("\n  %d  ", code)) {
			t.Errorf("the help lacks exit code %d", code)
		}
	}
}
