package limit

import "container/list"

// queue has the requests that wait, by class and in order. The lock of the gate guards it.
type queue struct {
	classes [ClassCount]list.List
	length  int
	last    uint64 // the number of the last waiter that came
}

// add adds a waiter. One that was in the queue before gets back to its place in the order.
func (q *queue) add(w *Waiter) {
	if w.order == 0 {
		q.last++
		w.order = q.last
	}
	q.length++
	class := &q.classes[w.class]
	for e := class.Back(); e != nil; e = e.Prev() {
		if e.Value.(*Waiter).order < w.order {
			w.element = class.InsertAfter(w, e)
			return
		}
	}
	w.element = class.PushFront(w)
}

// pop removes and returns the first waiter of the highest class.
func (q *queue) pop() *Waiter {
	for c := range q.classes {
		if first := q.classes[c].Front(); first != nil {
			w := first.Value.(*Waiter)
			q.remove(w)
			return w
		}
	}
	return nil
}

// popLast removes and returns the last waiter of the lowest class that is below c, nil if there is
// none.
func (q *queue) popLast(c Class) *Waiter {
	for below := Class(ClassCount - 1); below > c; below-- {
		if last := q.classes[below].Back(); last != nil {
			w := last.Value.(*Waiter)
			q.remove(w)
			return w
		}
	}
	return nil
}

func (q *queue) remove(w *Waiter) {
	q.classes[w.class].Remove(w.element)
	w.element = nil
	q.length--
}
