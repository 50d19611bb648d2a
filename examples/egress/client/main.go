// Client calls a service by its name, through a Caddy on the same machine. It needs no library for
// discovery, balancing or retries.
package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
)

var socket = cmp.Or(os.Getenv("EGRESS_SOCKET"), "egress.sock")

// services is a client whose requests all go to the socket, whatever host their URL names.
var services = &http.Client{Transport: &http.Transport{
	DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	},
}}

func main() {
	response, err := services.Get("http://users.internal/42")
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s: %s", response.Status, text)
}
