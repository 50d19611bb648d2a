// Package monitoring holds the rules and the dashboard against Prometheus and a real Caddy.
package monitoring

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

func TestMain(m *testing.M) {
	os.Exit(caddytest.RunIsolated(m, "HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"))
}

// promtool runs the tool of Prometheus, with this input.
func promtool(t *testing.T, input string, args ...string) {
	t.Helper()
	command := exec.Command(installed(t, "promtool"), args...)
	command.Stdin = strings.NewReader(input)
	if out, err := command.CombinedOutput(); err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// installed returns the path of a program. The test is skipped without it; the gate installs it.
func installed(t *testing.T, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Skipf("%s is not installed", program)
	}
	return path
}

func TestPrometheusAcceptsTheConfigAndTheTestsOfTheAlertsPass(t *testing.T) {
	promtool(t, "", "check", "config", "prometheus.yml")
	promtool(t, "", "test", "rules", "alerts_test.yml")
}

func TestEachAlertFiresInOneTestAndNotInAnother(t *testing.T) {
	rules, tests := read(t, "alerts.yml"), read(t, "alerts_test.yml")
	for _, match := range regexp.MustCompile(`- alert: (\w+)`).FindAllStringSubmatch(rules, -1) {
		name := `alertname: ` + match[1] + `\n\s+exp_alerts:`
		if !regexp.MustCompile(name + `\n`).MatchString(tests) {
			t.Errorf("%s fires in no test", match[1])
		}
		if !regexp.MustCompile(name + ` \[\]`).MatchString(tests) {
			t.Errorf("%s fires in each of its tests", match[1])
		}
	}
}

func TestPrometheusParsesTheQueriesOfTheDashboard(t *testing.T) {
	var rules strings.Builder
	rules.WriteString("groups:\n- name: dashboard\n  rules:\n")
	for i, query := range queries(t) {
		rules.WriteString("  - record: panel:query_" + strings.Repeat("x", i+1) + "\n    expr: >-\n      " + query + "\n")
	}
	file := filepath.Join(t.TempDir(), "rules.yml")
	if err := os.WriteFile(file, []byte(rules.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	promtool(t, "", "check", "rules", file)
}

// dashboard is what the tests read of the dashboard.
type dashboard struct {
	Panels []struct {
		ID      int
		Title   string
		Type    string
		GridPos struct{ X, Y, W, H int }
		Targets []struct{ Expr, RefID string }
	}
}

func readDashboard(t *testing.T) (d dashboard) {
	t.Helper()
	if err := json.Unmarshal([]byte(read(t, "grafana/dashboard.json")), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// queries returns the queries of the dashboard, with values for what Grafana fills in.
func queries(t *testing.T) (all []string) {
	for _, p := range readDashboard(t).Panels {
		for _, target := range p.Targets {
			filled := strings.NewReplacer("$__rate_interval", "5m", "$job", ".*", "$instance", ".*", "$pool", ".*").Replace(target.Expr)
			all = append(all, filled)
		}
	}
	return all
}

func TestNoPanelOfTheDashboardCoversAnother(t *testing.T) {
	panels := readDashboard(t).Panels
	taken, ids := make(map[[2]int]string), make(map[int]bool)
	for _, p := range panels {
		if ids[p.ID] {
			t.Errorf("two panels have the number %d", p.ID)
		}
		ids[p.ID] = true
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := taken[[2]int{x, y}]; other != "" || x >= 24 {
					t.Fatalf("%q is where %q is", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
