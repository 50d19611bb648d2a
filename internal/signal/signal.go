// Package signal wakes a goroutine.
package signal

// Signal tells one goroutine that there is work to do. Signals that come while the goroutine is
// busy count as one: it looks at the state, not at the number of signals. A sync.Cond would not fit
// into a select.
type Signal struct{ c chan struct{} }

// New returns a signal that is not set.
func New() Signal { return Signal{make(chan struct{}, 1)} }

// Set sets the signal. It never blocks. On the zero value it does nothing.
func (s Signal) Set() {
	select {
	case s.c <- struct{}{}:
	default:
	}
}

// C delivers each signal once. On the zero value it blocks forever.
func (s Signal) C() <-chan struct{} { return s.c }
