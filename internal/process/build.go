package process

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
)

// Build compiles a Go program of this repository into a folder, and returns the path of the binary.
func Build(ctx context.Context, folder, program string) (string, error) {
	binary := filepath.Join(folder, filepath.Base(program)+".exe") // the suffix matters on Windows only
	build := exec.CommandContext(ctx, "go", "build", "-o", binary, "github.com/caddy-balance/caddy-balance/"+program)
	if output, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building %s failed: %w\n%s", program, err, output)
	}
	return binary, nil
}
