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

// Three failures are a few seconds, in which all has happened that happens in a minute; who wants to see the minute can.
var outage = flag.Duration("outage", 0, "how long registries are down at least")

// outlivesRegistry restarts Caddy in the middle of the outage.
func outlivesRegistry(t *testing.T, r registry) {
	c := startChain(t, r)
	eventually(t, "the list is stored", c.stored)
	r.(server).kill()
	back := time.After(*outage)
	awaitFailures(t, 3)
	<-back
	c.expect(each(c.backends...))

	c.restartCaddy()
	c.expect(each(c.backends...))
	if s := source(); s.State != endpoint.SourceStale {
		t.Errorf("the source is %s with a list from before", s.State)
	}
	awaitFailures(t, 1)

	r.(server).restart()
	awaitState(t, endpoint.SourceLive)
	c.join("b3")
	c.expect(each(c.backends...))
	c.finish()
	if n := logged.count(`"msg":"discovery works again"`); n != 1 {
		t.Errorf("%d lines about the end of the outage", n)
	}
}

// stored reports whether some file of Caddy's storage has all backends.
func (c *chain) stored() (all bool) {
	_ = filepath.WalkDir(c.proxy.storage(), func(path string, d os.DirEntry, err error) error {
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
