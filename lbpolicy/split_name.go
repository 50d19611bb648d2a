package lbpolicy

import (
	"errors"
	"fmt"
	"strings"
)

// maxGroupName is the maximum number of bytes in the name of a group.
const maxGroupName = 64

// checkGroupName returns an error if the name cannot stand as it is in a path of the admin API, in
// the value of a cookie, and among the arguments of a command.
func checkGroupName(name string) error {
	const expected = "expected letters, digits, dots, hyphens and underscores, with a letter or a digit first"
	switch {
	case name == "":
		return errors.New("is empty; " + expected)
	case len(name) > maxGroupName:
		return fmt.Errorf("has %d bytes; expected at most %d", len(name), maxGroupName)
	case !isAlphanumeric(name[0]):
		return fmt.Errorf("%q begins with %q; %s", name, name[:1], expected)
	}
	for i := range len(name) {
		if c := name[i]; !isAlphanumeric(c) && !strings.ContainsRune("._-", rune(c)) {
			return fmt.Errorf("%q has the character %q; %s", name, []rune(name[i:])[0], expected)
		}
	}
	return nil
}

func isAlphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
}
