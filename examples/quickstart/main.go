// Quickstart is a Caddy with the balance modules. Without arguments it serves the Caddyfile beside
// it. With arguments it is an ordinary caddy command.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/caddy-balance/caddy-balance"
	_ "github.com/caddy-balance/caddy-balance/examples/quickstart/delay"
)

const intro = `
Caddy balances https://localhost:8443 over three demo backends: one answers in 10 ms,
one in 40 ms, one in 160 ms. It may take a second until it listens. Try, in another terminal:

  curl -k https://localhost:8443                      one request
  seq 400 | xargs -P20 -I{} curl -sk https://localhost:8443 | sort | uniq -c
                                                      shares follow speed
  edit %s
                                                      add or remove a line of backends and
                                                      repeat: no reload, within a second
  http://localhost:8444                               in a browser: the pool as it is now,
                                                      and buttons to drain backends
  go run ./examples/quickstart pools watch demo       the same in the terminal
  Ctrl-C                                              stop

`

func main() {
	if len(os.Args) == 1 {
		dir := home()
		// The Caddyfile finds its list of endpoints through this variable.
		os.Setenv("QUICKSTART", dir)
		fmt.Printf(intro, filepath.Join(dir, "upstreams.json"))
		os.Args = append(os.Args, "run", "--config", filepath.Join(dir, "Caddyfile"))
	}
	caddycmd.Main()
}

// home returns the folder of this file: where it was compiled, if that still exists, or its path
// from the root of the repository.
func home() string {
	if _, file, _, ok := runtime.Caller(0); ok {
		if _, err := os.Stat(file); err == nil {
			return filepath.Dir(file)
		}
	}
	return filepath.Join("examples", "quickstart")
}
