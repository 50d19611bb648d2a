package pool

import (
	"context"
	"fmt"
	"time"
)

// AwaitFirstList waits for the first list of a pool that has none yet. It waits until the end of
// the initial wait, and no longer than the request does.
func (d *Definition) AwaitFirstList(ctx context.Context) error {
	roster := d.claim.Roster
	if len(roster.Snapshot().Members) > 0 {
		return nil
	}
	select {
	case <-roster.Answered():
		return nil
	default:
	}
	timer := time.NewTimer(time.Until(d.waitUntil))
	defer timer.Stop()
	select {
	case <-roster.Answered():
		return nil
	case <-ctx.Done():
		return fmt.Errorf("pool %q: the request ended while it waited for the first list of endpoints", d.Name)
	case <-timer.C:
		return fmt.Errorf("pool %q: no source has answered within %s", d.Name, time.Duration(d.InitialWait))
	}
}
