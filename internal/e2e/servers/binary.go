package servers

import (
	"embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// Binary is a server's program, built from a module at a pinned version. recipes/<name>.mod pins
// all versions of its dependencies. It needs no go.sum, because the checksum database verifies
// them.
type Binary struct {
	Name, Version string
	pkg           string
	ldflags       string
}

// The servers that no distribution packages in a recent version.
var (
	EtcdBinary    = Binary{Name: "etcd", Version: "3.7.3", pkg: "go.etcd.io/etcd/server/v3"}
	ConsulBinary  = Binary{Name: "consul", Version: "1.22.7", pkg: "github.com/hashicorp/consul"}
	PolarisBinary = Binary{Name: "polaris", Version: "1.18.1", pkg: "github.com/polarismesh/polaris"}

	// Without the version the server reports v0.0.0 and disables features.
	KubeAPIServerBinary = Binary{
		Name: "kube-apiserver", Version: "1.36.3", pkg: "k8s.io/kubernetes/cmd/kube-apiserver",
		ldflags: "-X k8s.io/component-base/version.gitVersion=v1.36.3",
	}
)

// Binaries are all binaries, the quickest to build first.
var Binaries = []Binary{EtcdBinary, PolarisBinary, KubeAPIServerBinary, ConsulBinary}

//go:embed recipes/*.mod
var recipes embed.FS

// Path returns the path of the program in the user's cache folder. It builds the program if it is
// missing, which takes minutes.
func (b Binary) Path() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	path := filepath.Join(cache, "caddy-balance", "servers", b.Name+"-"+b.Version)
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if err := b.build(path); err != nil {
		return "", fmt.Errorf("building %s %s: %w", b.Name, b.Version, err)
	}
	return path, nil
}

// build writes the program under a temporary name and renames it, because an interrupted build must
// not leave a partial program at path.
func (b Binary) build(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	unlock, err := lock(filepath.Join(filepath.Dir(path), "lock"))
	if err != nil {
		return err
	}
	defer unlock()
	if _, err := os.Stat(path); err == nil {
		return nil // another process has built it meanwhile
	}
	module, err := b.module()
	if err != nil {
		return err
	}
	defer os.RemoveAll(module)
	partial := path + ".partial"
	defer os.Remove(partial)
	if err := compile(module, partial, b.pkg, b.ldflags); err != nil {
		return err
	}
	return os.Rename(partial, path)
}

// module creates a folder with the recipe as its go.mod. In the repository a recipe has another
// name, because a folder with a go.mod cannot be embedded.
func (b Binary) module() (string, error) {
	recipe, err := recipes.ReadFile("recipes/" + b.Name + ".mod")
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", b.Name)
	if err != nil {
		return "", err
	}
	return dir, os.WriteFile(filepath.Join(dir, "go.mod"), recipe, 0o644)
}

// compile builds a package. It ignores the user's workspace and flags, which could change versions.
// It adds none that would compile packages once more that other builds have compiled.
func compile(dir, target, pkg, ldflags string) error {
	cmd := exec.Command("go", "build", "-mod=mod", "-ldflags=-s -w "+ldflags, "-o", target, pkg)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=")
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, output)
	}
	return nil
}

// lock allows one build at a time over all processes: two builds would need 6 GB of memory.
func lock(path string) (unlock func() error, err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != nil {
		file.Close()
		return nil, err
	}
	return file.Close, nil
}
