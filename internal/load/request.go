package load

// Request is one request in flight at an endpoint. Its zero value was not sent yet. The lock of the
// endpoint's Load guards it.
type Request struct {
	table *Routes
	route *Route
	stage stage
	sent  Instant // when it was sent, without the time in which the client kept the endpoint waiting
	since Instant // when the stage began

	parked    bool     // it is in flight for other reasons than work
	perSecond float64  // what a second of waiting counts; 0 if its age says nothing
	overdue   bool     // it is parked only because it waits for too long
	late      evidence // what its lateness added
	counted   part     // the number that it is part of
	first     bool     // it is one of the first of its route
	left      bool     // its client went away before the answer
	crowd     int      // how many requests the endpoint worked on when it was sent, itself included

	next, previous *Request // in the list of those that are not parked
	listed         bool
}

// stage is what a request in flight waits for. Stages advance, but for receiving.
type stage uint8

const (
	unsent    stage = iota
	waiting         // for the first byte of the answer
	receiving       // for the client to send more of the request
	answering       // for the end of the answer
	over
)

// requests is a list of requests, ordered by when their stages began.
type requests struct{ first, last *Request }

// moveToEnd adds a request, or moves it if it is in the list.
func (l *requests) moveToEnd(r *Request) {
	l.remove(r)
	r.listed, r.previous = true, l.last
	if l.last == nil {
		l.first = r
	} else {
		l.last.next = r
	}
	l.last = r
}

func (l *requests) remove(r *Request) {
	if !r.listed {
		return
	}
	if r.previous == nil {
		l.first = r.next
	} else {
		r.previous.next = r.next
	}
	if r.next == nil {
		l.last = r.previous
	} else {
		r.next.previous = r.previous
	}
	r.listed, r.previous, r.next = false, nil, nil
}
