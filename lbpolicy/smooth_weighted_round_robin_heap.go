package lbpolicy

// eventHeap is a binary heap by time; container/heap would allocate on every push. Ties go by group, so that the order depends on what is
// in it only and the sequence repeats exactly.
type eventHeap []event

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
		if q[child+1].before(q[child]) { // if this is last itself, it goes back to where it was
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
