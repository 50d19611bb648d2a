package command_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
)

// The command in a line of code, or between backquotes, with its subcommand.
var commandPattern = regexp.MustCompile("(?m)(?:`|^    )(?:\\$ )?(?:\\./caddy|caddy|go run \\./examples/quickstart) pools\\b *([^ `\n]*)")

// `caddy pools` alone prints its help, and an instruction means one of the subcommands.
func TestTheExamplesNameSubcommandsThatExist(t *testing.T) {
	pools := &cobra.Command{Use: "pools"}
	caddycmd.Commands()["pools"].CobraFunc(pools)
	files, err := filepath.Glob("../../examples/*/README.md")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	found := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, command := range commandPattern.FindAllStringSubmatch(string(text), -1) {
			found++
			if cmd, _, err := pools.Find(command[1:]); err != nil || cmd == pools {
				t.Errorf("%s: %q is no command", file, strings.TrimSpace(command[0]))
			}
		}
	}
	if found < 8 {
		t.Errorf("found %d commands", found)
	}
}
