package servers

import (
	"fmt"
	"os/exec"
)

// installed returns the path of a program that comes with a Debian package.
func installed(program, debian string) (string, error) {
	for _, name := range []string{program, "/usr/sbin/" + program} { // /usr/sbin is not in the PATH of every user
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is missing; install it: apt-get install -y --no-install-recommends %s", program, debian)
}
