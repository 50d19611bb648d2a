package servers

import (
	"fmt"
	"os/exec"
)

// installed finds a program that comes with a Debian package.
func installed(program, debian string) (string, error) {
	for _, name := range []string{program, "/usr/sbin/" + program} { // sbin is not in everybody's PATH
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is missing; install it: apt-get install -y --no-install-recommends %s", program, debian)
}
