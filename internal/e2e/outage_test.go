package e2e

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// outage is zero by default. An outage then lasts until the source has failed three times, which
// takes seconds and shows the same as a longer one.
var outage = flag.Duration("outage", 0, "the minimum duration of an outage of a registry")

// outlivesTheRegistry stops the registry and restarts Caddy during the outage.
func outlivesTheRegistry(t *testing.T, r registry) {
	c := startTestbed(t, r)
	eventually(t, "the list is stored", c.stored)
	r.(server).kill()
	back := time.After(*outage)
	awaitFailures(t, 3)
	<-back
	c.expect(each(c.backends...))

	c.restartCaddy()
	c.expect(each(c.backends...))
	if s := source(); s.State != endpoint.SourceStale {
		t.Errorf("the source is %s with a stored list", s.State)
	}
	awaitFailures(t, 1)

	r.(server).restart()
	awaitState(t, endpoint.SourceLive)
	c.join("b3")
	c.expect(each(c.backends...))
	c.finish()
	if n := logged.Count(`"msg":"discovery works again"`); n != 1 {
		t.Errorf("%d lines about the end of the outage", n)
	}
}

// stored reports whether a file in Caddy's storage contains all backends.
func (c *testbed) stored() (all bool) {
	_ = filepath.WalkDir(c.proxy.Storage(), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || all {
			return err
		}
		text, _ := os.ReadFile(path)
		all = true
		for _, b := range c.backends {
			all = all && strings.Contains(string(text), b.address)
		}
		return nil
	})
	return all
}
