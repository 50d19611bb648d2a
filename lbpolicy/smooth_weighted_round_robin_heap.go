package lbpolicy

// eventHeap is a binary heap of events by time. container/heap would allocate on every push. Groups
// decide between equal times, so that the order depends only on the content, and the sequence of
// picks repeats exactly.
type eventHeap []event

// event is a window of a group that opens or closes at a time.
type event struct {
	at    uint64
	group int32
}

func (e event) before(o event) bool { return e.at < o.at || e.at == o.at && e.group < o.group }

func (h *eventHeap) push(e event) {
	q := append(*h, e)
	i := len(q) - 1
	for ; i > 0 && e.before(q[(i-1)/2]); i = (i - 1) / 2 {
		q[i] = q[(i-1)/2]
	}
	q[i] = e
	*h = q
}

func (h *eventHeap) pop() event {
	q, i := *h, 0
	top, last := q[0], q[len(q)-1]
	*h = q[:len(q)-1]
	for child := 1; child < len(q)-1; child = 2*i + 1 {
		if q[child+1].before(q[child]) { // if that child is last itself, it stays where it is
			child++
		}
		if last.before(q[child]) {
			break
		}
		q[i], i = q[child], child
	}
	q[i] = last
	return top
}
