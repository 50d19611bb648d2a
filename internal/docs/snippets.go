package docs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/golden"
)

// Where a snippet of a Caddyfile belongs, by its first word. A word that is in no list begins a
// whole Caddyfile.
var (
	inEndpoints = words("endpoint")
	inHealth    = words("probe interval fast_interval timeout rise fall initial")
	inPool      = words(`source health outlier initial_wait max_loss empty_grace removal_grace
		update_interval persist slow_start fail_open zone`)
	inProxy = words(`dynamic lb_policy lb_retries lb_try_duration lb_try_interval lb_retry_match
		fail_duration max_fails unhealthy_status to transport`)
	inSite = words("reverse_proxy handle route respond pool_status")
)

func words(text string) []string { return strings.Fields(text) }

// wholeCaddyfile puts a snippet where it belongs, among what it needs there.
func wholeCaddyfile(snippet string) string {
	first, lines := firstWord(snippet), snippet
	wrap := func(before, after string) { lines = before + "\n" + lines + after + "\n" }
	if slices.Contains(inEndpoints, first) {
		wrap("source static {", "}")
		first = "source"
	}
	if slices.Contains(inHealth, first) {
		if !hasLine(snippet, "probe") {
			wrap("probe tcp", "")
		}
		wrap("health {", "}")
		first = "health"
	}
	if slices.Contains(inPool, first) {
		if !hasLine(lines, "source") {
			wrap("source static 10.0.0.1:80", "")
		}
		if hasLine(lines, "readmit") && !hasLine(lines, "health") {
			wrap("health {\nprobe tcp\n}", "")
		}
		wrap("dynamic pool snippet {", "}")
		first = "dynamic"
	}
	if slices.Contains(inProxy, first) {
		if !hasLine(lines, "dynamic") && !hasLine(lines, "to") {
			wrap("to 10.0.0.1:80 10.0.0.2:80 10.0.0.3:80", "")
		}
		wrap("reverse_proxy {", "}")
		first = "reverse_proxy"
	}
	if slices.Contains(inSite, first) {
		wrap("http://snippet.example.com {", "}")
	}
	return string(caddyfile.Format([]byte(lines)))
}

func firstWord(text string) string {
	for line := range strings.Lines(text) {
		if fields := strings.Fields(line); len(fields) > 0 && !strings.HasPrefix(fields[0], "#") {
			return fields[0]
		}
	}
	return ""
}

// hasLine reports whether a line begins with the word.
func hasLine(text, word string) bool {
	for line := range strings.Lines(text) {
		if fields := strings.Fields(line); len(fields) > 0 && fields[0] == word {
			return true
		}
	}
	return false
}

// checkSnippets loads what the page says can be written.
func (p *page) checkSnippets(t *testing.T) {
	t.Helper()
	for _, f := range p.fences {
		var err error
		switch f.info {
		case "caddyfile":
			err = loadCaddyfile(t, f.text)
		case "json":
			err = loadJSON(t, f.text)
		default:
			continue
		}
		if err != nil {
			t.Errorf("%s:%d: %v", p.path, f.line, err)
		}
	}
}

func loadCaddyfile(t *testing.T, snippet string) error {
	if formatted := caddyfile.Format([]byte(snippet)); string(formatted) != snippet {
		return fmt.Errorf("is not formatted as `caddy fmt` does it:\n%s", formatted)
	}
	text := withSurroundings(t, wholeCaddyfile(snippet))
	adapter := caddyconfig.GetAdapter("caddyfile")
	config, warnings, err := adapter.Adapt([]byte(text), map[string]any{"filename": "Caddyfile"})
	if err == nil && len(warnings) > 0 {
		err = fmt.Errorf("%v", warnings)
	}
	if err == nil {
		err = load(t, config)
	}
	if err != nil {
		return fmt.Errorf("%w, in\n%s", err, text)
	}
	return nil
}

// loadList has the source `file` read a list.
func loadList(t *testing.T, list []byte) error {
	name := filepath.Join(t.TempDir(), "list.json")
	if err := os.WriteFile(name, list, 0o600); err != nil {
		return err
	}
	info, err := caddy.GetModule("http.reverse_proxy.upstreams.pool.sources.file")
	if err != nil {
		return err
	}
	source := info.New().(discovery.Source)
	if err := json.Unmarshal(fmt.Appendf(nil, `{"paths":[%q]}`, name), source); err != nil {
		return err
	}
	if err := source.(caddy.Provisioner).Provision(caddy.Context{}); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var mistake error
	err = source.Run(ctx, func(a discovery.Answer) {
		mistake = a.Err
		cancel()
	})
	return errors.Join(err, mistake)
}

// load keeps quiet about servers that a snippet names and that are not there.
func load(t *testing.T, config []byte) error {
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(config, &keys); err != nil {
		return err
	}
	if keys["logging"] == nil {
		keys["logging"] = json.RawMessage(`{"logs":{"default":{"level":"FATAL"}}}`)
	}
	quiet, err := json.Marshal(keys)
	if err != nil {
		return err
	}
	return golden.Load(t, quiet)
}

var (
	envPlaceholder = regexp.MustCompile(`\{env\.(\w+)\}`)
	filePath       = regexp.MustCompile(`/(?:run/secrets|etc/caddy)/[\w.-]+\.(?:pem|crt|key)|/run/secrets/[\w.-]+`)
)

// withSurroundings gives a snippet the environment and the files that it names.
func withSurroundings(t *testing.T, text string) string {
	for _, found := range envPlaceholder.FindAllStringSubmatch(text, -1) {
		if _, set := os.LookupEnv(found[1]); !set {
			t.Setenv(found[1], environment(found[1]))
		}
	}
	folder := ""
	return filePath.ReplaceAllStringFunc(text, func(path string) string {
		if folder == "" {
			folder = t.TempDir()
		}
		certificate, key := newCertificate()
		content := "secret"
		switch filepath.Ext(path) {
		case ".pem", ".crt":
			content = certificate
		case ".key":
			content = key
		}
		name := filepath.Join(folder, filepath.Base(path))
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return filepath.ToSlash(name)
	})
}

func environment(name string) string {
	if strings.HasSuffix(name, "_HOST") {
		return "tcp://127.0.0.1:2375"
	}
	return strings.ToLower(name)
}
