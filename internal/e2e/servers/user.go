package servers

import (
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
)

// contained returns a command whose processes all end when it does, as those of a machine do. They
// are in a PID namespace of their own, because PostgreSQL outlives what has started it. They run as
// the given user if the test runs as root, because some servers refuse to run as root.
func contained(account string, command ...string) *exec.Cmd {
	args := []string{"--pid", "--fork", "--mount-proc", "--kill-child"}
	if os.Getuid() == 0 {
		// A change of the user clears the signal, so setpriv sets it again.
		args = append(args, "setpriv", "--reuid", account, "--regid", account, "--clear-groups", "--pdeathsig", "KILL")
	} else {
		args = append(args, "--user", "--map-current-user")
	}
	return exec.Command("unshare", append(args, command...)...)
}

// giveTo makes an account the owner of a folder and of all in it, if the test runs as root.
func giveTo(account, folder string) error {
	if os.Getuid() != 0 {
		return nil
	}
	found, err := user.Lookup(account)
	if err != nil {
		return err
	}
	uid, err := strconv.Atoi(found.Uid)
	if err != nil {
		return err
	}
	gid, err := strconv.Atoi(found.Gid)
	if err != nil {
		return err
	}
	return filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chown(path, uid, gid)
	})
}
