package docker

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/listing"
	"github.com/caddy-balance/caddy-balance/internal/sourcetest"
)

const inside = "CADDY_BALANCE_TEST_INSIDE"

// TestContainersOfPodmanAreFollowed uses a real engine. The engine needs its own namespaces for
// mounts and the network, and the test runs itself again in them.
func TestContainersOfPodmanAreFollowed(t *testing.T) {
	if os.Getenv(inside) != "" {
		followPodman(t, startPodman(t))
		return
	}
	for _, program := range []string{"podman", "crun", "unshare", "/usr/lib/cni/bridge"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Fatalf("%v; install it with: apt-get install --no-install-recommends podman crun containernetworking-plugins", err)
		}
	}
	again := exec.Command("unshare", "-mn", "--propagation", "private", os.Args[0], "-test.run=^"+t.Name()+"$", "-test.timeout=5m")
	again.Env = append(os.Environ(), inside+"=1")
	if out, err := again.CombinedOutput(); err != nil {
		t.Fatalf("%v (it takes root)\n%s", err, out)
	}
}

// followPodman follows containers through their life and a restart of the engine.
func followPodman(t *testing.T, p *podman) {
	p.run("web-1", "--network", "front", "--label", "balance.pool=web")
	p.run("web-2", "--network", "front,back", "--label", "balance.pool=web", "--label", "balance.weight=3")
	p.run("db-1", "--network", "front", "--label", "balance.pool=db")
	running := start(t, &Source{Host: p.host, Network: "front", Timeout: 10e9})
	wantNames := func(want ...string) {
		t.Helper()
		running.Want("the list of "+strings.Join(want, " "), func(a discovery.Answer) bool {
			sameName := func(e listing.Info, name string) bool { return e.ID == name }
			return a.Endpoints != nil && slices.EqualFunc(a.Endpoints, want, sameName)
		})
	}
	wantNames("web-1", "web-2")
	if got := running.Newest().Endpoints; got[0].Weight != 1 || got[1].Weight != 3 || !strings.HasPrefix(got[1].Address, "10.88.1.") {
		t.Errorf("got %+v", got)
	}
	wantAnswers(t, running)
	p.run("web-3", "--network", "front", "--label", "balance.pool=web")
	wantNames("web-1", "web-2", "web-3")

	p.podman("run", "--detach", "--name", "inner-1", "--network", "container:web-3", "--label", "balance.pool=web",
		"--label", "balance.port=8081", "localhost/app:1", ":8081")
	p.podman("run", "--detach", "--name", "host-1", "--network", "host", "--label", "balance.pool=web",
		"--label", "balance.address=127.0.0.1", "--label", "balance.port=8080", "localhost/app:1")
	wantNames("host-1", "inner-1", "web-1", "web-2", "web-3")
	wantAnswers(t, running)
	got := running.Newest().Endpoints
	if owner, _, _ := strings.Cut(got[4].Address, ":"); got[0].Address != "127.0.0.1:8080" || got[1].Address != owner+":8081" {
		t.Errorf("got %+v; want inner-1 at the address of web-3", got)
	}
	p.podman("rm", "--force", "--time", "0", "host-1", "inner-1")
	wantNames("web-1", "web-2", "web-3")

	before := running.Newest().Endpoints[0].Address
	p.podman("restart", "--time", "0", "web-1")
	running.Want("another address", func(a discovery.Answer) bool {
		return len(a.Endpoints) == 3 && a.Endpoints[0].ID == "web-1" && a.Endpoints[0].Address != before
	})
	wantAnswers(t, running)

	p.podman("stop", "--time", "0", "web-1")
	wantNames("web-2", "web-3")
	p.podman("rm", "--force", "--time", "0", "web-2")
	wantNames("web-3")
	p.podman("start", "web-1")
	wantNames("web-1", "web-3")

	p.restart()
	running.Want("the loss of the engine", func(a discovery.Answer) bool { return a.Err != nil }) // as it lists or follows
	p.podman("rm", "--force", "--time", "0", "web-3")
	wantNames("web-1")
	p.podman("rm", "--force", "--time", "0", "web-1")
	if !running.WantList().Authoritative {
		t.Error("the end of the last container is not authoritative")
	}
}

// wantAnswers sends a request to every endpoint.
func wantAnswers(t *testing.T, running *sourcetest.Running) {
	t.Helper()
	for _, e := range running.Newest().Endpoints {
		var err error
		for range 50 { // the backend may have just been started
			var answer *http.Response
			if answer, err = http.Get("http://" + e.Address); err == nil {
				_, _ = io.Copy(io.Discard, answer.Body)
				_ = answer.Body.Close()
				break
			}
			time.Sleep(100 * time.Millisecond)
		}
		if err != nil {
			t.Errorf("%s: %v", e.ID, err)
		}
	}
}

// podman is the engine and its command.
type podman struct {
	t       *testing.T
	folder  string
	host    string
	service *exec.Cmd
}

// startPodman builds the image of the backends and starts the engine.
func startPodman(t *testing.T) *podman {
	t.Helper()
	p := &podman{t: t, folder: t.TempDir()}
	p.host = "unix://" + filepath.Join(p.folder, "podman.sock")
	for _, command := range []string{"mount -t cgroup2 none /sys/fs/cgroup", "mount -t tmpfs none /run", "ip link set lo up"} {
		p.command(strings.Fields(command)...)
	}
	p.writeSettings("containers.conf", "containers.conf")
	p.writeSettings("storage.conf", "storage.conf")
	p.writeSettings("policy.json", "policy.json")
	p.writeSettings("Containerfile", "Containerfile")
	p.writeSettings("network.conflist", "cni/front.conflist", "$NAME", "front", "$SUBNET", "10.88.1")
	p.writeSettings("network.conflist", "cni/back.conflist", "$NAME", "back", "$SUBNET", "10.88.2")
	t.Setenv("CONTAINERS_CONF", filepath.Join(p.folder, "containers.conf"))
	t.Setenv("CONTAINERS_STORAGE_CONF", filepath.Join(p.folder, "storage.conf"))
	t.Setenv("CGO_ENABLED", "0")
	p.command("go", "build", "-o", filepath.Join(p.folder, "app"), "./testdata/app")
	p.podman("build", "--isolation", "chroot", "--signature-policy", filepath.Join(p.folder, "policy.json"), "-t", "localhost/app:1", p.folder)
	p.serve()
	t.Cleanup(func() {
		p.kill()
		p.podman("rm", "--all", "--force", "--time", "0")
	})
	return p
}

// writeSettings copies a file of testdata/podman to the folder, with values in place of names.
func (p *podman) writeSettings(from, to string, values ...string) {
	p.t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "podman", from))
	if err != nil {
		p.t.Fatal(err)
	}
	path := filepath.Join(p.folder, to)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		p.t.Fatal(err)
	}
	replaced := strings.NewReplacer(append(values, "$FOLDER", p.folder)...).Replace(string(text))
	if err := os.WriteFile(path, []byte(replaced), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

// run starts a container.
func (p *podman) run(name string, options ...string) {
	p.t.Helper()
	p.podman(append(append([]string{"run", "--detach", "--name", name}, options...), "localhost/app:1")...)
}

// podman calls the command podman.
func (p *podman) podman(arguments ...string) {
	p.t.Helper()
	p.command(append([]string{"podman"}, arguments...)...)
}

func (p *podman) command(words ...string) {
	p.t.Helper()
	if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
		p.t.Fatalf("%q: %v\n%s", words, err, out)
	}
}

// serve starts the engine's API.
func (p *podman) serve() {
	p.t.Helper()
	p.service = exec.Command("podman", "system", "service", "--time=0", p.host)
	p.service.Stderr = p.t.Output()
	if err := p.service.Start(); err != nil {
		p.t.Fatal(err)
	}
}

func (p *podman) kill() {
	_ = p.service.Process.Kill()
	_ = p.service.Wait()
}

// restart restarts the engine's API. The containers keep running.
func (p *podman) restart() {
	p.t.Helper()
	p.kill()
	p.serve()
}
