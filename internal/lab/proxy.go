package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"regexp"

	"github.com/caddy-balance/caddy-balance/internal/process"
)

// proxy is a program with a method of balancing.
type proxy struct {
	*program
	method string
}

// program is a proxy that can be configured by one file.
type program struct {
	title   string
	variant string
	binary  string // its name on this machine, and of the flag that replaces it
	config  func(listen, method string, backends []string) string
	args    func(config string) []string
	version []string

	// build builds the program from this checkout. Without it the machine must have the program.
	build func(ctx context.Context, folder string) (path string, err error)
}

// programs are the proxies by the name that the command line uses.
var programs = map[string]*program{
	"pool": {
		title: "Caddy", variant: ", pool", binary: "pool", config: poolConfig, args: caddyArgs,
		version: []string{"version"}, build: buildCaddy,
	},
	"caddy": {
		title: "Caddy", binary: "caddy", config: caddyConfig, args: caddyArgs,
		version: []string{"version"}, build: buildCaddy,
	},
	"haproxy": {
		title: "HAProxy", binary: "haproxy", config: haproxyConfig, version: []string{"-v"},
		args: haproxyArgs,
	},
	"nginx": {
		title: "NGINX", binary: "nginx", config: nginxConfig, version: []string{"-v"},
		args: func(config string) []string {
			return []string{"-p", filepath.Dir(config), "-e", "stderr", "-c", config}
		},
	},
}

func caddyArgs(config string) []string {
	return []string{"run", "--adapter", "caddyfile", "--config", config}
}

func haproxyArgs(config string) []string { return []string{"-db", "-f", config} }

func buildCaddy(ctx context.Context, folder string) (path string, err error) {
	return process.Build(ctx, folder, "examples/quickstart")
}

// String returns the name of the proxy in the table.
func (p proxy) String() string { return fmt.Sprintf("%s%s `%s`", p.title, p.variant, p.method) }

// installed is a proxy whose binary has been found.
type installed struct {
	proxy
	path    string
	version string
}

// install finds the binaries of the proxies. It leaves out a proxy whose binary is missing, unless
// the command line names that binary, and builds Caddy from this checkout.
func install(ctx context.Context, o *options, folder string, notes io.Writer) (found []installed, err error) {
	paths := make(map[string]string)
	for _, p := range o.proxies {
		path, done := paths[p.binary]
		if !done {
			path, err = findBinary(ctx, p.program, o.binaries[p.binary], folder, notes)
			if err != nil {
				return nil, err
			}
			paths[p.binary] = path
		}
		if path == "" {
			fmt.Fprintf(notes, "%s is left out: there is no %s on this machine. Install it, or name it with -%s.\n",
				p, p.binary, p.binary)
			continue
		}
		found = append(found, installed{proxy: p, path: path, version: versionOf(ctx, path, p.program)})
	}
	if len(found) == 0 {
		return nil, errors.New("no proxy is left")
	}
	return found, nil
}

// findBinary returns the path of a program, or "" if the machine has none.
func findBinary(ctx context.Context, p *program, given, folder string, notes io.Writer) (string, error) {
	name := p.binary
	switch {
	case given != "":
		path, err := exec.LookPath(given)
		if err != nil {
			return "", fmt.Errorf("-%s: %w", name, err)
		}
		return filepath.Abs(path)
	case p.build != nil:
		fmt.Fprintf(notes, "building %s from this checkout, for %s/...\n", p.title, name)
		return p.build(ctx, folder)
	}
	// Debian has both outside of the PATH of users.
	for _, candidate := range []string{name, "/usr/sbin/" + name, "/usr/local/sbin/" + name} {
		if path, err := exec.LookPath(candidate); err == nil {
			return path, nil
		}
	}
	return "", nil
}

var versionNumber = regexp.MustCompile(`\d+\.\d+[-+.~\w]*`)

// versionOf returns what a program says of its version.
func versionOf(ctx context.Context, path string, p *program) string {
	output, _ := exec.CommandContext(ctx, path, p.version...).CombinedOutput()
	if number := versionNumber.Find(output); number != nil {
		return string(number)
	}
	return "of unknown version"
}
