package pool

import "time"

// outage tracks errors that recur on every attempt, so that the log has one line when an outage
// begins, one when its cause changes, and one when it ends.
type outage struct {
	since   time.Time
	message string // of the latest error; empty without an outage
}

// begin records an error and reports whether it is new, and therefore worth a log line.
func (o *outage) begin(err error, now time.Time) (isNew bool) {
	if o.message == "" {
		o.since = now
	}
	message := err.Error()
	isNew = message != o.message || message == ""
	o.message = message
	return isNew
}

// end records a success. It reports whether that ends an outage, and how long the outage lasted.
func (o *outage) end(now time.Time) (lasted time.Duration, ended bool) {
	lasted, ended = now.Sub(o.since), o.message != ""
	*o = outage{}
	return lasted, ended
}
