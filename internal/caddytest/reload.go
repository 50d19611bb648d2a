package caddytest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
)

// Reload loads a config through the admin API, as `caddy reload --force` does. It sends the config
// again when the connection ends without an answer: each load replaces the admin endpoint, and the
// old one drops connections that it has only just accepted.
func (c *Caddy) Reload(config []byte) (err error) {
	for range 5 {
		if err = c.postConfig(config); !errors.Is(err, io.EOF) {
			break
		}
	}
	return err
}

func (c *Caddy) postConfig(config []byte) error {
	request, err := http.NewRequest(http.MethodPost, "http://admin/load", bytes.NewReader(config))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Cache-Control", "must-revalidate") // load it even if it is the same
	response, err := (&http.Client{Transport: SingleUseTransport(c.AdminSocket())}).Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", response.Status, body)
	}
	return err
}

// Transport returns an HTTP transport that connects to a Unix socket, whatever host a URL names.
func Transport(socket string) *http.Transport {
	return &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}
}

// SingleUseTransport returns a Transport that opens a connection for each request. After a reload a
// kept connection would lead to the old config.
func SingleUseTransport(socket string) *http.Transport {
	t := Transport(socket)
	t.DisableKeepAlives = true
	return t
}
