package pool

import "time"

// outage turns errors that are met on every try into news: one when it begins, one when its cause changes,
// one when it is over.
type outage struct {
	since   time.Time
	message string // empty if there is none
}

// begin reports whether the error is news.
func (o *outage) begin(err error, now time.Time) bool {
	if o.message == "" {
		o.since = now
	}
	message := err.Error()
	news := message != o.message || message == ""
	o.message = message
	return news
}

// end reports whether there was an outage, and how long.
func (o *outage) end(now time.Time) (lasted time.Duration, was bool) {
	lasted, was = now.Sub(o.since), o.message != ""
	*o = outage{}
	return lasted, was
}
