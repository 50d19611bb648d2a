package e2e

import (
	"flag"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// ownNetwork is set in a process that has a network of its own.
const ownNetwork = "E2E_OWN_NETWORK"

// inOwnNetwork runs the test once more in a process of its own, where all of 10.0.0.0/8 leads to itself. That is
// for registries that take no loopback addresses: what listens there can be reached by nobody else.
// Further namespaces may be asked for by their clone flags.
func inOwnNetwork(t *testing.T, run func(t *testing.T), namespaces ...uintptr) {
	t.Helper()
	if os.Getenv(ownNetwork) != "" {
		setUpNetwork(t)
		run(t)
		return
	}
	child := exec.Command("/proc/self/exe", "-test.v", "-test.run="+onlyThis(t), "-test.timeout="+flag.Lookup("test.timeout").Value.String(), "-outage="+outage.String())
	child.Env = append(os.Environ(), ownNetwork+"=1")
	child.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	for _, n := range namespaces {
		child.SysProcAttr.Cloneflags |= n
	}
	if os.Geteuid() != 0 {
		asRoot(child.SysProcAttr)
	}
	said, err := child.CombinedOutput()
	t.Logf("in a network of its own:\n%s", said)
	if err != nil {
		t.Error(err)
	}
}

// onlyThis is the pattern that was asked for, without other tests that it may match too.
func onlyThis(t *testing.T) string {
	pattern := "^" + t.Name() + "$"
	if _, scenarios, given := strings.Cut(flag.Lookup("test.run").Value.String(), "/"); given {
		pattern += "/" + scenarios
	}
	return pattern
}

// asRoot makes who may not make a network root in a world of its own, who may.
func asRoot(attr *syscall.SysProcAttr) {
	attr.Cloneflags |= syscall.CLONE_NEWUSER
	attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
	attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
}

func setUpNetwork(t *testing.T) {
	t.Helper()
	host = netip.MustParseAddr("10.66.0.1")
	for _, command := range []string{"link set lo up", "route add local 10.0.0.0/8 dev lo"} {
		if said, err := exec.Command("ip", strings.Fields(command)...).CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %v; it comes with: apt-get install -y iproute2\n%s", command, err, said)
		}
	}
}
