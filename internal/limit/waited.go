package limit

// HasQueued reports whether the request was in the queue at all: one that found it full was not.
// The caller must not be waiting.
func (w *Waiter) HasQueued() bool { return w.order != 0 }
