package simulation

import (
	"fmt"
	"strings"
)

// table collects what the scenarios measured, for people.
type table struct{ rows []string }

var report table

const tableHead = `
| scenario | policy | success | p50 | p99 | p99.9 | max in flight | odd one's share of fair |
|---|---|--:|--:|--:|--:|--:|--:|
`

// add takes the medians over the seeds.
func (t *table) add(s *scenario, m measured) {
	for _, p := range s.policies() {
		if all := m[p.name]; len(all) > 0 {
			t.rows = append(t.rows, fmt.Sprintf("| %s | `%s` | %.4g %% | %s | %s | %s | %.0f | %s |\n", s.name, p.name,
				100*median(all, success), inMilliseconds(median(all, p50)), inMilliseconds(median(all, p99)),
				inMilliseconds(median(all, p999)), median(all, peak), shares(s, all)))
		}
	}
}

func (t *table) markdown() string {
	if len(t.rows) == 0 {
		return ""
	}
	return tableHead + strings.Join(t.rows, "") + "\n"
}

func shares(s *scenario, all []summary) string {
	var texts []string
	for i := range s.phases {
		texts = append(texts, fmt.Sprintf("%.2f", median(all, share(i))))
	}
	return strings.Join(texts, ", then ")
}

func inMilliseconds(ms float64) string { return fmt.Sprintf("%.3g ms", ms) }
