// Command build builds all servers in advance. The first run of the tests then takes minutes less.
package main

import (
	"fmt"
	"os"

	"github.com/caddy-balance/caddy-balance/internal/e2e/servers"
)

func main() {
	for _, b := range servers.Binaries {
		path, err := b.Path()
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(path)
	}
}
