package balance

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const module = "github.com/caddy-balance/caddy-balance/"

// verbs are the packages that meet only in the nouns they share.
var verbs = []string{"discovery", "healthprobe", "lbpolicy"}

func TestVerbsDoNotImportOneAnother(t *testing.T) {
	checked := 0
	for _, verb := range verbs {
		if _, err := os.Stat(verb); err != nil {
			continue // not there yet
		}
		out, err := exec.Command("go", "list", "-deps", "./"+verb+"/...").Output()
		if err != nil {
			t.Fatal(err)
		}
		checked++
		for imported := range strings.FieldsSeq(string(out)) {
			for _, other := range verbs {
				if other != verb && strings.HasPrefix(imported+"/", module+other+"/") {
					t.Errorf("%s imports %s", verb, imported)
				}
			}
		}
	}
	if checked < 2 {
		t.Fatalf("found %d of the verbs", checked)
	}
}

// What may be done only in one place, as text that gives it away.
var reserved = map[string]struct {
	pattern *regexp.Regexp
	where   *regexp.Regexp
}{
	"walking tokens":                {regexp.MustCompile(`\bd\.(Next|Val|Args|Remaining)`), regexp.MustCompile(`^caddyfile/`)},
	"knowing reverseproxy.Selector": {regexp.MustCompile(`reverseproxy\.Selector\b`), regexp.MustCompile(`^lbpolicy/selector\.go$|^discovery/pool\.go$`)},
	"knowing UpstreamSource":        {regexp.MustCompile(`reverseproxy\.UpstreamSource\b`), regexp.MustCompile(`^discovery/(pool|upstreams|hosted)\.go$`)},
	"keeping state over reloads":    {regexp.MustCompile(`NewUsagePool`), regexp.MustCompile(`^internal/endpoint/registry\.go$`)},
	"reading the process's clock":   {regexp.MustCompile(`endpoint\.Now\(\)`), regexp.MustCompile(`^internal/attempt/|^lbpolicy/selector\.go$|^healthprobe/(check|release)\.go$`)},
}

func TestEachThingIsDoneInItsPlace(t *testing.T) {
	found := map[string]bool{}
	err := filepath.WalkDir(".", func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for what, r := range reserved {
			if r.pattern.Match(text) {
				found[what] = true
				if !r.where.MatchString(filepath.ToSlash(path)) {
					t.Errorf("%s: %s", path, what)
				}
			}
		}
		return err
	})
	if err != nil || len(found) != len(reserved) {
		t.Errorf("found %v, %v", found, err)
	}
}
