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

// inNamespaceVariable is the environment variable that is set in the process with a network of its
// own.
const inNamespaceVariable = "E2E_OWN_NETWORK"

// inNetworkNamespace runs the test in a child process with a network of its own, where all
// addresses in 10.0.0.0/8 are local. It is for registries that reject loopback addresses. Nothing
// outside of the child can reach its servers. Further namespaces are given by their clone flags.
func inNetworkNamespace(t *testing.T, run func(t *testing.T), namespaces ...uintptr) {
	t.Helper()
	if os.Getenv(inNamespaceVariable) != "" {
		setUpNetwork(t)
		run(t)
		return
	}
	child := exec.Command("/proc/self/exe", "-test.v", "-test.run="+onlyThisTest(t),
		"-test.timeout="+flag.Lookup("test.timeout").Value.String(), "-outage="+outage.String())
	child.Env = append(os.Environ(), inNamespaceVariable+"=1")
	child.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	for _, n := range namespaces {
		child.SysProcAttr.Cloneflags |= n
	}
	if os.Geteuid() != 0 {
		inUserNamespace(child.SysProcAttr)
	}
	output, err := child.CombinedOutput()
	t.Logf("in a network of its own:\n%s", output)
	if err != nil {
		t.Error(err)
	}
}

// onlyThisTest returns a -run pattern for this test alone, with the subtests that -run names.
func onlyThisTest(t *testing.T) string {
	pattern := "^" + t.Name() + "$"
	if _, scenarios, given := strings.Cut(flag.Lookup("test.run").Value.String(), "/"); given {
		pattern += "/" + scenarios
	}
	return pattern
}

// inUserNamespace makes the child root in a user namespace of its own. Without root privileges this
// is how a process can create a network.
func inUserNamespace(attr *syscall.SysProcAttr) {
	attr.Cloneflags |= syscall.CLONE_NEWUSER
	attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
	attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
}

// setUpNetwork makes 10.0.0.0/8 local and moves the backends there.
func setUpNetwork(t *testing.T) {
	t.Helper()
	host = netip.MustParseAddr("10.66.0.1")
	for _, command := range []string{"link set lo up", "route add local 10.0.0.0/8 dev lo"} {
		if output, err := exec.Command("ip", strings.Fields(command)...).CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %v; it comes with: apt-get install -y iproute2\n%s", command, err, output)
		}
	}
}
