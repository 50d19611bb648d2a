package traffic

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// reload loads other sites through the admin API, as `caddy reload` does, and waits until they serve.
func (p *proxy) reload(sites ...string) error {
	err := p.reloadAlone(sites...)
	for i := range sites {
		if err == nil {
			p.awaitNewest(i)
		}
	}
	return err
}

// reloadAlone does not wait. The new config serves by then, but the old one may still do so too.
func (p *proxy) reloadAlone(sites ...string) error { return p.post(p.adapt(p.text(sites...))) }

// awaitNewest waits until a site is only served by the newest config. Caddy does not tell when the
// old one has closed its listener, so it is asked ten times.
func (p *proxy) awaitNewest(site int) {
	p.t.Helper()
	c := &client{&http.Client{Transport: &http.Transport{DialContext: dialer("unix", p.socket(site)), DisableKeepAlives: true}}, "http://site"}
	inARow := 0
	eventually(p.t, "only the newest config serves", func() bool {
		if a, err := c.get("/", "X-Numbered", "tell"); err == nil && a.body == fmt.Sprint(p.configs) {
			inARow++
		} else {
			inARow = 0
		}
		return inARow == 10
	})
}

// post sends again what ended without an answer: each load replaces the admin endpoint, and
// the old one drops connections that it has only just accepted.
func (p *proxy) post(config []byte) (err error) {
	for range 5 {
		if err = p.postOnce(config); !errors.Is(err, io.EOF) {
			break
		}
	}
	return err
}

func (p *proxy) postOnce(config []byte) error {
	request, err := http.NewRequest(http.MethodPost, "http://admin/load", bytes.NewReader(config))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Cache-Control", "must-revalidate") // load it even if it is the same
	c := &http.Client{Transport: &http.Transport{DialContext: dialer("unix", p.admin()), DisableKeepAlives: true}}
	response, err := c.Do(request)
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
