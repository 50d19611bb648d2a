package load

// Request is one request in flight at an endpoint. Its zero value was not sent yet. The lock of the
// endpoint's Load guards it.
type Request struct {
	table *Routes
	route *Route
	sent  Instant // when it was sent, without the time in which the client kept the endpoint waiting
	since Instant // when the stage began

	perSecond float64  // what a second of waiting counts; 0 if its age says nothing
	late      evidence // what its lateness added

	next, previous *Request // in the list of those that are not parked

	// Small fields are beside one another, because each request allocates them.
	crowd   int32 // how many requests the endpoint worked on when it was sent, itself included
	stage   stage
	counted part // the number that it is part of
	listed  bool
	parked  bool // it is in flight for other reasons than work
	overdue bool // it is parked only because it waits for too long
	first   bool // it is one of the first of its route
	left    bool // its client went away before the answer
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
