package traffic

import (
	"fmt"
	"net/http"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

// reload loads other sites through the admin API, as `caddy reload` does, and waits until only they
// serve.
func (p *proxy) reload(sites ...string) error {
	err := p.reloadAlone(sites...)
	for i := range sites {
		if err == nil {
			p.awaitNewest(i)
		}
	}
	return err
}

// reloadAlone is reload without the wait. When it returns the new config serves, but the old one
// may still serve too.
func (p *proxy) reloadAlone(sites ...string) error { return p.Reload(p.Adapt(p.text(sites...))) }

// awaitNewest waits until only the newest config serves a site. Caddy does not report when the old
// config has closed its listener, so ten answers in a row from the newest config have to do.
func (p *proxy) awaitNewest(site int) {
	p.t.Helper()
	c := &client{&http.Client{Transport: caddytest.SingleUseTransport(p.SiteSocket(site))}, "http://site"}
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
