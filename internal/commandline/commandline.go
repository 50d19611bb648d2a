// Package commandline reads the command lines of the programs that measure.
package commandline

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Parse parses a command line that consists of flags. With -h it writes what they mean to usage. It
// prints no error.
func Parse(flags *flag.FlagSet, args []string, usage io.Writer) error {
	flags.SetOutput(io.Discard)
	err := flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		flags.SetOutput(usage)
		flags.PrintDefaults()
	}
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	return err
}

// Select returns the indices of the scenarios that a list names, separated by commas, in the order
// of the list.
func Select(list string, names []string) (selected []int, err error) {
	for name := range strings.SplitSeq(list, ",") {
		i := slices.Index(names, name)
		if i < 0 {
			return nil, fmt.Errorf("unknown scenario %q, not one of %s", name, strings.Join(names, ", "))
		}
		selected = append(selected, i)
	}
	return selected, nil
}
