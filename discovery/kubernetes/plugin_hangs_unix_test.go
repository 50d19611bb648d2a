//go:build unix

package kubernetes

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

// reloadLimit is far above the time for which a reload waits for a source.
const reloadLimit = 20 * time.Second

// client-go runs credential plugins without a context, so a plugin that hangs cannot be ended.
func TestAReloadDoesNotWaitForACredentialPluginThatHangs(t *testing.T) {
	_, path, text := secureAPI(t)
	runs, holds := filepath.Join(t.TempDir(), "runs"), filepath.Join(t.TempDir(), "holds")
	writeFile(t, holds, "")
	hanging := fmt.Sprintf("'touch %s; while [ -e %s ]; do sleep 0.1; done; echo ", runs, holds)
	writeFile(t, path, strings.Replace(text, "'echo ", hanging, 1))

	before := goleak.IgnoreCurrent()
	c := caddytest.New(t)
	load := func(site string) []byte {
		return c.Adapt(c.GlobalOptions("") + "http:// {\nbind unix/" + c.SiteSocket(0) + "\n" + site + "\n}\n")
	}
	pool := func(option string) []byte {
		return load("reverse_proxy {\ndynamic pool web {\nsource kubernetes web {\nkubeconfig " + path +
			"\ncontext plugin\n}\n" + option + "\n}\n}")
	}
	caddytest.Log.Reset()
	c.Start(c.GlobalOptions(""))
	t.Cleanup(func() {
		os.Remove(holds)
		c.Stop()
		caddytest.Eventually(t, patience, "no goroutine of client-go is left", func() bool {
			return goleak.Find(before) == nil
		})
	})
	for i, config := range [][]byte{pool(""), pool(""), pool("removal_grace 1s"), load("respond reloaded")} {
		start := time.Now()
		if err := c.Reload(config); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took > reloadLimit {
			t.Errorf("load %d took %s", i, took)
		}
		caddytest.Eventually(t, patience, "the plugin runs", func() bool {
			_, err := os.Stat(runs)
			return err == nil
		})
	}
	const abandoned = "source does not stop and is abandoned"
	caddytest.Eventually(t, patience, "both sources are abandoned", func() bool {
		return caddytest.Log.Count(abandoned, `"source":"kubernetes"`, `"pool":"web"`) == 2
	})
}
