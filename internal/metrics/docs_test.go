package metrics

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// rows returns the rows of the tables of docs/metrics.md whose first column has this head, with
// what is quoted in each cell.
func rows(t *testing.T, head string) (found [][][]string) {
	t.Helper()
	text, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	quoted := regexp.MustCompile("`([^`]*)`")
	inside := false
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.Trim(line, "|\n"), "|")
		switch {
		case !strings.HasPrefix(line, "|"):
			inside = false
		case strings.TrimSpace(cells[0]) == head:
			inside = true
		case inside && !strings.HasPrefix(line, "|--"):
			var row [][]string
			for _, cell := range cells {
				var words []string
				for _, match := range quoted.FindAllStringSubmatch(cell, -1) {
					words = append(words, match[1])
				}
				row = append(row, append(words, strings.TrimSpace(cell)))
			}
			found = append(found, row)
		}
	}
	return found
}

func TestTheDocumentationHasEveryMetricWithItsTypeAndLabels(t *testing.T) {
	documented := make(map[string]bool)
	for _, row := range rows(t, "metric") {
		name := row[0][0]
		documented[name] = true
		i := slices.IndexFunc(all, func(m *metric) bool { return m.name == name })
		if i < 0 {
			t.Errorf("there is no metric %s", name)
			continue
		}
		if kind := strings.ToLower(all[i].kind.String()); row[1][0] != kind {
			t.Errorf("%s is a %s, not a %s", name, kind, row[1][0])
		}
		if labels := row[2][:len(row[2])-1]; !slices.Equal(labels, all[i].labels) {
			t.Errorf("%s has the labels %v, not %v", name, all[i].labels, labels)
		}
	}
	for _, m := range all {
		if !documented[m.name] {
			t.Errorf("docs/metrics.md lacks %s", m.name)
		}
	}
}

func TestTheDocumentationHasEveryValueOfALabel(t *testing.T) {
	var endings, reasons, states []string
	for e := range endpoint.Ending(endpoint.EndingCount) {
		endings = append(endings, e.Outcome()+" "+e.Reason())
	}
	for r := range endpoint.PickReason(endpoint.PickReasonCount) {
		reasons = append(reasons, r.String())
	}
	for s := range endpoint.State(endpoint.StateCount) {
		states = append(states, s.String())
	}
	for head, want := range map[string][]string{"outcome and reason": endings, "reason": reasons, "state": states} {
		var got []string
		for _, row := range rows(t, head) {
			got = append(got, strings.Join(row[0][:len(row[0])-1], " "))
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s: docs/metrics.md has %q, and the code %q", head, got, want)
		}
	}
}
