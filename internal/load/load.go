package load

import "time"

// Load says how fast an endpoint answers. Attempts write it and policies read it. Reading takes no
// lock and changes nothing. The zero value knows nothing.
type Load struct {
	waiting  waiting
	estimate estimate
	failures failures
}

// Begin records that a request was sent, and waits for its first byte since start.
func (l *Load) Begin(start Instant) { l.waiting.add(start) }

// End undoes Begin.
func (l *Load) End(start Instant) { l.waiting.remove(start) }

// Shift moves the start of a waiting request, to exclude time in which the endpoint waited for the
// client.
func (l *Load) Shift(from, to Instant) {
	l.waiting.remove(from)
	l.waiting.add(to)
}

// Observe records the time to first byte of a successful attempt.
func (l *Load) Observe(now Instant, latency, decay time.Duration) {
	l.estimate.observe(now, latency.Seconds(), decay)
	l.failures.halve(now, decay)
}

// AtLeast records that an attempt took this long and ended without an answer that counts. It can
// raise the estimate but not lower it. It reports false if there is no estimate yet, because a
// short time would make the endpoint look fast.
func (l *Load) AtLeast(now Instant, latency, decay time.Duration) bool {
	seconds, certainty := l.estimate.latency(now, decay)
	if certainty == 0 {
		return false
	}
	if latency.Seconds() > seconds {
		l.estimate.observe(now, latency.Seconds(), decay)
	}
	return true
}

// Fail records a failed attempt, or something that counts as a part of one.
func (l *Load) Fail(now Instant, part float64, decay time.Duration) {
	l.failures.add(now, part, decay)
}

// Latency returns the expected time to first byte in seconds, and its certainty: 1 if it is
// certain, less if it is old or based on few answers, 0 if there were none lately.
func (l *Load) Latency(now Instant, decay time.Duration) (seconds, certainty float64) {
	return l.estimate.latency(now, decay)
}

// Failures returns the number of recent failures. One of them expires in each decay time.
func (l *Load) Failures(now Instant, decay time.Duration) float64 { return l.failures.at(now, decay) }

// Waiting returns the number of requests that wait for their first byte, and their mean age in
// seconds.
func (l *Load) Waiting(now Instant) (n int, age float64) { return l.waiting.at(now) }
