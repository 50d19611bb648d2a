package load

// Request is one request in flight at an endpoint. Its zero value is one that was not sent yet. The
// lock of the endpoint's Load guards it.
type Request struct {
	routes *Routes
	route  *Route

	sent  Instant // when it was sent
	since Instant // when its stage began
	stage stage

	parked bool    // it is in flight, but no work
	age    float64 // what a second of waiting counts; 0 if its age says nothing
	late   float64 // the evidence that its lateness added, in nats

	next, previous *Request // in the list of those that may become parked, the oldest first
	listed         bool
}

// stage is what a request in flight waits for.
type stage uint8

const (
	unsent    stage = iota
	waiting         // for the first byte of the answer
	receiving       // for the endpoint to receive what the client sends
	answering       // for the end of the answer
	over
)

// requests is a list of requests in the order of since.
type requests struct{ first, last *Request }

func (l *requests) add(r *Request) {
	if r.listed {
		l.remove(r)
	}
	r.listed, r.previous, r.next = true, l.last, nil
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
