package simulation

import (
	"fmt"
	"slices"
	"strings"
)

// table collects the results of the scenarios for the reader.
type table struct{ rows []string }

var report table

// column is one number in the table.
type column struct {
	metric
	format func(float64) string
}

var columns = []column{
	{success, percent}, {p50, plain}, {p99, plain}, {p999, plain}, {peak, plain},
}

// details are the columns with -detail, which help when tuning a policy.
var details = []column{
	{success, percent}, {failures, percent}, {average, plain}, {p50, plain}, {p99, plain}, {p999, plain},
	{answered, plain}, {peak, plain}, {crowding, plain}, {parked, plain}, {moved, percent},
}

// add adds a row for each policy, with the medians over the seeds.
func (t *table) add(s *scenario, m measured) {
	for _, p := range s.selectedPolicies() {
		if all := m.summaries[p.name]; len(all) > 0 {
			t.rows = append(t.rows, row(s.name, "`"+p.name+"`", cells(all), shares(s, all)))
		}
	}
}

func (t *table) markdown() string {
	if len(t.rows) == 0 {
		return ""
	}
	var names, dashes []string
	for _, c := range shown() {
		names = append(names, c.name)
		dashes = append(dashes, "--:")
	}
	return "\n" + row("scenario", "policy", names, "share of the watched") +
		row("---", "---", dashes, "--:") + strings.Join(t.rows, "") + "\n"
}

func row(scenario, policy string, cells []string, last string) string {
	return fmt.Sprintf("| %s | %s | %s | %s |\n", scenario, policy, strings.Join(cells, " | "), last)
}

// shown returns the columns to print.
func shown() []column {
	if *detailFlag {
		return details
	}
	return columns
}

func cells(all []summary) (texts []string) {
	for _, c := range shown() {
		texts = append(texts, c.cell(all))
	}
	return texts
}

// shares returns the last cell of a row, with one number for each phase.
func shares(s *scenario, all []summary) string {
	var texts []string
	for i := range s.phases {
		texts = append(texts, column{share(i), plain}.cell(all))
	}
	return strings.Join(texts, ", then ")
}

func (c column) cell(all []summary) string {
	text := c.format(median(all, c.metric))
	if *detailFlag {
		values := c.values(all)
		text += fmt.Sprintf(" (%s to %s)", c.format(slices.Min(values)), c.format(slices.Max(values)))
	}
	return text
}

func percent(v float64) string { return fmt.Sprintf("%.4g %%", 100*v) }

// plain formats a number with three digits and no exponent.
func plain(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}
