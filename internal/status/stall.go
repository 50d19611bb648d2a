package status

import (
	"errors"
	"net/http"
	"time"
)

// maxStall is how long a client may leave a stream unread beyond what the kernel holds for it.
const maxStall = 10 * time.Second

// stall bounds how long writes wait for the client.
type stall struct {
	control *http.ResponseController
	ended   <-chan struct{} // closed when the server begins to shut down; nil if that is not known
}

// endTime is the time that a write may still take when the server shuts down. A stream that is read
// needs it for its proper end, without which a browser reports an error.
const endTime = time.Second

// endWith ends a write that waits when ended is closed, because the server waits for it then. It
// returns a function that no longer waits for that.
func (s *stall) endWith(ended <-chan struct{}) (stop func()) {
	s.ended = ended
	done, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		select {
		case <-ended:
			_ = s.control.SetWriteDeadline(time.Now().Add(endTime)) // where there are deadlines
		case <-done:
		}
	}()
	return func() { close(done); <-over }
}

// bounded does what may wait for the client, unless the server shuts down.
func (s *stall) bounded(do func() error) error {
	_ = s.control.SetWriteDeadline(time.Now().Add(maxStall))
	select {
	case <-s.ended: // the deadline must not replace the one of the end
		return errShutdown
	default:
		return do()
	}
}

var errShutdown = errors.New("the server shuts down")
