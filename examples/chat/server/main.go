// Server is a chat that has its rooms in memory: those who talk to each other must be at the same
// server. It runs a server at each address in its arguments, as if each were a machine of its own.
package main

import (
	"log"
	"net/http"
	"os"
)

func main() {
	addresses := os.Args[1:]
	if len(addresses) == 0 {
		addresses = []string{"127.0.0.1:9141", "127.0.0.1:9142", "127.0.0.1:9143"}
	}
	failed := make(chan error)
	for _, address := range addresses {
		go func() { failed <- http.ListenAndServe(address, newChat(address)) }() //nolint:gosec // a demo on loopback
	}
	log.Fatal(<-failed)
}
