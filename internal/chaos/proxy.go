package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/process"
)

// proxy is a Caddy, whose process may be replaced.
type proxy struct {
	*process.Process
	binary, folder string
}

// endTime is how long Caddy may take to end: the grace period of its config, and a while for a
// machine that is busy.
const (
	graceTime = 5 * time.Second
	endTime   = 20 * time.Second
)

func (p *proxy) site() string    { return filepath.Join(p.folder, "site") }
func (p *proxy) admin() string   { return filepath.Join(p.folder, "admin") }
func (p *proxy) storage() string { return filepath.Join(p.folder, "storage") }
func (p *proxy) config() string  { return filepath.Join(p.folder, "Caddyfile") }

// start starts a Caddy with a config, and waits until it listens.
func (p *proxy) start(ctx context.Context, config string) (err error) {
	if err := os.WriteFile(p.config(), []byte(config), 0o644); err != nil {
		return err
	}
	if p.Process, err = process.Start(p.folder, p.binary, "run", "--config", p.config()); err != nil {
		return err
	}
	if err := p.AwaitListener(ctx, "unix", p.site()); err != nil {
		p.Kill()
		return fmt.Errorf("starting Caddy: %w\n%s", err, p.Output())
	}
	return nil
}

// terminate ends Caddy as an init system does. A Caddy that does not end in time is an error.
func (p *proxy) terminate(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, endTime)
	defer cancel()
	err := p.Terminate(ctx)
	p.Kill()
	return err
}

// reload loads another config, even if it is equal.
func (p *proxy) reload(config string) error {
	_, err := p.call(http.MethodPost, "/load", "text/caddyfile", []byte(config))
	return err
}

// call sends a request to the admin API and returns the answer. It sends the request again if the
// connection ends without an answer: each reload replaces the admin endpoint, and the old one drops
// connections that it has only just accepted.
func (p *proxy) call(method, path, contentType string, body []byte) (answer []byte, err error) {
	for range 5 {
		if answer, err = p.callOnce(method, path, contentType, body); !errors.Is(err, io.EOF) {
			break
		}
	}
	return answer, err
}

func (p *proxy) callOnce(method, path, contentType string, body []byte) ([]byte, error) {
	request, err := http.NewRequest(method, "http://admin"+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", contentType)
	request.Header.Set("Cache-Control", "must-revalidate")
	client := &http.Client{Timeout: time.Minute, Transport: socketTransport(p.admin())}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode >= http.StatusBadRequest {
		err = fmt.Errorf("%s %s: %s: %s", method, path, response.Status, answer)
	}
	return answer, err
}

func (p *proxy) get(path string, value any) error {
	answer, err := p.call(http.MethodGet, path, "application/json", nil)
	if err != nil {
		return err
	}
	return json.Unmarshal(answer, value)
}
