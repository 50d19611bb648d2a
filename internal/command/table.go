package command

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// table is text in columns. A column without a value in any row is left out.
type table struct {
	head []string
	rows [][]string
}

func (t *table) add(cells ...string) {
	for i := range cells {
		cells[i] = printable(cells[i])
	}
	t.rows = append(t.rows, cells)
}

// String returns the lines of the table, without spaces at their ends.
func (t *table) String() string {
	lines := make([]strings.Builder, len(t.rows)+1)
	for column, head := range t.head {
		hasValue := func(row []string) bool { return row[column] != "" }
		if !slices.ContainsFunc(t.rows, hasValue) {
			continue
		}
		width := utf8.RuneCountInString(head)
		for _, row := range t.rows {
			width = max(width, utf8.RuneCountInString(row[column]))
		}
		writeCell(&lines[0], head, width)
		for i, row := range t.rows {
			writeCell(&lines[i+1], row[column], width)
		}
	}
	var text strings.Builder
	for i := range lines {
		text.WriteString(strings.TrimRight(lines[i].String(), " ") + "\n")
	}
	return text.String()
}

func writeCell(line *strings.Builder, cell string, width int) {
	const gap = 2
	line.WriteString(cell)
	line.WriteString(strings.Repeat(" ", width-utf8.RuneCountInString(cell)+gap))
}

// printable replaces what could control a terminal: names and reasons are from registries and
// backends.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, text)
}

// number returns a number that is worth a mention only if it is not 0.
func number[T int | uint64](n T) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

// age returns how long ago a time is, in the one unit that says most.
func age(since, now time.Time) string {
	if since.IsZero() {
		return ""
	}
	passed := max(now.Sub(since), 0)
	for _, unit := range []struct {
		length time.Duration
		name   string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "m"}} {
		if passed >= 2*unit.length {
			return fmt.Sprint(int64(passed/unit.length), unit.name)
		}
	}
	return fmt.Sprint(int64(passed/time.Second), "s")
}
