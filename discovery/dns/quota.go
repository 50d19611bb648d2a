package dns

import (
	"fmt"
	"sync/atomic"
)

// maxReplies is the maximum size in bytes of all replies in one look-up. The 2,000 targets that fit
// into a message, with a reply of 200 bytes for each kind of address, have a fifth.
const maxReplies = 4 << 20

// quota is how many bytes the replies may still have.
type quota struct{ atomic.Int64 }

func newQuota() *quota {
	q := new(quota)
	q.Store(maxReplies)
	return q
}

// take takes n bytes, or returns an error if there are not so many left.
func (q *quota) take(n int) error {
	if q.Add(-int64(n)) < 0 {
		return q.exceeded()
	}
	return nil
}

// exceeded returns an error if the replies had more bytes than they may.
func (q *quota) exceeded() error {
	if q.Load() < 0 {
		return fmt.Errorf("the replies have more than %d bytes", maxReplies)
	}
	return nil
}
