package process

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

const repository = "github.com/caddy-balance/caddy-balance"

// Build compiles a Go program of this repository into a folder, and returns the path of the binary.
func Build(ctx context.Context, folder, program string) (string, error) {
	return build(ctx, folder, ".", repository+"/"+program)
}

// BuildNested is Build for a program of a nested module. The module is a folder of the repository.
func BuildNested(ctx context.Context, folder, module, program string) (string, error) {
	root, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", repository).Output()
	if err != nil {
		return "", fmt.Errorf("finding %s failed: %w", module, err)
	}
	return build(ctx, folder, filepath.Join(strings.TrimSpace(string(root)), module), "./"+program)
}

// build compiles the program of a package, as it is called in a folder of its module.
func build(ctx context.Context, folder, module, program string) (string, error) {
	binary := filepath.Join(folder, filepath.Base(program)+".exe") // the suffix matters on Windows only
	command := exec.CommandContext(ctx, "go", "build", "-C", module, "-o", binary, program)
	if output, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building %s failed: %w\n%s", program, err, output)
	}
	return binary, nil
}
