package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

func findsListAgain(t *testing.T, r registry) {
	c := startChain(t, r)
	c.finish()
	c.proxy.stop()
	c.proxy.start()
	c.load = startLoad(t, c.proxy)
	c.expect(each(c.backends...))
	c.join("b3")
	c.expect(each(c.backends...))
	c.finish()
}

func startsWithoutRegistry(t *testing.T, r registry) {
	c := startChain(t, r)
	c.finish()
	eventually(t, "the list is stored", func() bool { return c.stored() })
	c.proxy.stop()

	r.(server).kill()
	c.proxy.start()
	c.load = startLoad(t, c.proxy)
	c.expect(each(c.backends...))
	if s := source(); s.State != endpoint.SourceStale {
		t.Errorf("the source is %s with a list from before", s.State)
	}
	awaitFailures(t, 2)

	r.(server).restart()
	awaitState(t, endpoint.SourceLive)
	c.join("b3")
	c.expect(each(c.backends...))
	c.finish()
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
