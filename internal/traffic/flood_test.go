package traffic

import (
	"sync"
	"sync/atomic"
)

// flood makes n requests, of which up to atOnce run at the same time.
func flood(atOnce, n int, request func(i int)) {
	var next atomic.Int64
	var all sync.WaitGroup
	for range atOnce {
		all.Go(func() {
			for i := next.Add(1); i <= int64(n); i = next.Add(1) {
				request(int(i))
			}
		})
	}
	all.Wait()
}
