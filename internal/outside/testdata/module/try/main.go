// Try serves the Caddyfile of this module, sends one request to it, and prints the answer.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/caddy-balance/caddy-balance"

	_ "example.com/outside"
)

func main() {
	if err := try(); err != nil {
		log.Fatal(err)
	}
}

func try() error {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "answered by the endpoint of the outside source")
	}))
	defer backend.Close()
	dir, err := os.MkdirTemp("", "outside") // short enough for a socket's path
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	front := filepath.Join(dir, "front.sock")
	os.Setenv("FRONT", front)
	os.Setenv("BACKEND", backend.Listener.Addr().String())
	if err := serve("Caddyfile"); err != nil {
		return err
	}
	defer caddy.Stop()
	return request(front)
}

// serve loads a Caddyfile as `caddy run` does.
func serve(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt(text, nil)
	if err != nil {
		return err
	}
	return caddy.Load(config, true)
}

// request prints the answer to one request.
func request(socket string) error {
	client := http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		},
	}}
	response, err := client.Get("http://front")
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	fmt.Print(string(body))
	return err
}
