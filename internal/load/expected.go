package load

// Expected returns how long the endpoint takes relative to what is usual, as a policy expects it
// now: what is uncertain of it counts as usual. It is false without any recent answer.
func (l *Load) Expected(now Instant) (relative float64, known bool) {
	relative, certainty := l.published.speed(now)
	return 1 + (relative-1)*certainty, certainty > 0
}
