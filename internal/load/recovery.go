package load

// Recover forgets the evidence that the endpoint is sick, because something else than its answers
// shows that it works again. What is known of its speed stays.
func (l *Load) Recover() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.evidence, l.byRoute = evidence{}, routeEvidence{}
	l.sickUntil.Store(0)
	l.partialUntil.Store(0)
}

// Forget forgets all that is known of the endpoint, apart from the requests that are in flight.
func (l *Load) Forget() {
	l.Recover()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.speed = speed{}
	l.relative.Store(0)
	l.at.Store(0)
}
