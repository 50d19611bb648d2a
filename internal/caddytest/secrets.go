package caddytest

import (
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
)

// Canary is a secret that must not show anywhere.
const Canary = "c4n4ry-s3cr3t"

// WantCanaryHidden starts a pool with a source whose option holds the canary: as it is, from the
// environment, and from a file. It expects that the source fails, and looks for the canary in the
// log, in answers of the admin API, in errors of loading a config, and in the storage.
func WantCanaryHidden(t *testing.T, source func(secret string) string) {
	t.Helper()
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	t.Setenv("CADDYTEST_CANARY", Canary)
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(Canary), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, secret := range map[string]string{
		"literal": Canary, "environment": "{env.CADDYTEST_CANARY}", "file": "{file." + file + "}",
	} {
		t.Run(name, func(t *testing.T) { wantHidden(t, source(secret), source(secret+"x")) })
	}
}

func wantHidden(t *testing.T, source, other string) {
	t.Helper()
	c := New(t)
	Log.Reset()
	pool := func(source string) string { return "dynamic pool web {\n" + source + "\ninitial_wait 50ms\n}\n" }
	site := func(i int, source string) string {
		return fmt.Sprintf("http://site%d {\nbind unix/%s\nreverse_proxy {\n%s}\n}\n", i, c.SiteSocket(i), pool(source))
	}
	defer c.Stop()
	if err := caddy.Load(c.Adapt(c.GlobalOptions("debug")+site(0, source)), true); err != nil {
		wantNoCanary(t, "the error of the config", err.Error())
		return
	}
	Eventually(t, time.Minute, "the source has failed", func() bool { return Log.Count("discovery failed") > 0 })
	if err := c.Reload(c.Adapt(c.GlobalOptions("debug") + site(0, source) + site(1, other))); err != nil {
		wantNoCanary(t, "the error of a second definition", err.Error())
	}
	for _, path := range []string{"/pools/", "/pools/web", "/metrics", "/reverse_proxy/upstreams"} {
		wantNoCanary(t, path, c.get(path))
	}
	wantNoCanary(t, "the log", strings.Join(Log.With(), "\n"))
	_ = filepath.WalkDir(c.Storage(), func(path string, _ fs.DirEntry, _ error) error {
		wantNoCanary(t, "a storage key", path)
		if content, err := os.ReadFile(path); err == nil {
			wantNoCanary(t, "a record", string(content))
		}
		return nil
	})
}

func (c *Caddy) get(path string) string {
	response, err := (&http.Client{Transport: SingleUseTransport(c.AdminSocket())}).Get("http://admin" + path)
	if err != nil {
		c.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return string(body)
}

// wantNoCanary looks for the canary, and for a part of it that was cut off.
func wantNoCanary(t *testing.T, where, text string) {
	t.Helper()
	if at := strings.Index(text, Canary[:len(Canary)-2]); at >= 0 {
		t.Errorf("%s shows a secret: %.500s", where, text[max(0, at-250):])
	}
}

// Echo answers each request with a status and with all that it has: the header, the query and the
// body, as servers do that quote a wrong password. before comes first, so that a limit may cut the
// secret off.
func Echo(status int, kind, before, after string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, "%s%s %s %s%s", before, r.Header, r.URL, body, after)
	}
}
