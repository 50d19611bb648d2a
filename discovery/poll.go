package discovery

import (
	"context"
	"time"
)

// Poll implements Run for a source that cannot watch for changes. It calls lookup at once, and then
// in each interval, and reports each answer. It returns the first error of lookup; the pool then
// runs the source again after a pause. It returns nil when ctx ends.
//
// A lookup that takes longer than the interval delays the next one; lookups never overlap.
func Poll(
	ctx context.Context, interval time.Duration, report Report, lookup func(context.Context) (Answer, error),
) error {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		answer, err := lookup(ctx)
		if err != nil {
			return err
		}
		report(answer)
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}
