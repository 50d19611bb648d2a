package main

import (
	"os"
	"strconv"
	"strings"
	"time"
)

// processors counts what all processors of the machine have done since it started, in ticks.
type processors struct{ all, idle float64 }

// readProcessors returns zeros on systems other than Linux.
func readProcessors() processors {
	text, _ := os.ReadFile("/proc/stat")
	return parseProcessors(string(text))
}

// parseProcessors reads the first line of /proc/stat: user, nice, system, idle, iowait, irq,
// softirq and steal. What follows is part of user and nice.
func parseProcessors(text string) (p processors) {
	line, _, _ := strings.Cut(text, "\n")
	fields := strings.Fields(line)
	if len(fields) < 9 || fields[0] != "cpu" {
		return p
	}
	for i, field := range fields[1:9] {
		ticks, _ := strconv.ParseFloat(field, 64)
		p.all += ticks
		if i == 3 || i == 4 {
			p.idle += ticks
		}
	}
	return p
}

// processorTime returns the processor time that a process has used, in ticks of 10 ms.
func processorTime(pid int) time.Duration {
	text, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return parseProcessorTime(string(text))
}

// parseProcessorTime reads /proc/<pid>/stat. What follows the name of the program, which ends with
// the last bracket, are the fields from the third on; user and system time are the 14th and 15th.
func parseProcessorTime(text string) (sum time.Duration) {
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	if len(fields) < 13 {
		return 0
	}
	for _, field := range fields[11:13] {
		ticks, _ := strconv.Atoi(field)
		sum += time.Duration(ticks) * 10 * time.Millisecond
	}
	return sum
}

// busySince returns the share of the time that the processors were not idle, other programs and
// other machines on the same processors included. It returns -1 if that is not known.
func (p processors) busySince(before processors) float64 {
	all := p.all - before.all
	if all <= 0 {
		return -1
	}
	return 1 - (p.idle-before.idle)/all
}
