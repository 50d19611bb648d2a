package discovery

import (
	"context"
	"time"
)

// Poll is the Run of a source that can only be asked: it looks up the list at once and then in each interval.
// An error ends it, and the pool runs it again after a pause.
func Poll(ctx context.Context, interval time.Duration, report Report, lookup func(context.Context) (Answer, error)) error {
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
