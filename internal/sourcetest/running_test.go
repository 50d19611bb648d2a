package sourcetest

import (
	"context"
	"fmt"
	"testing"

	"github.com/caddy-balance/caddy-balance/discovery"
)

func TestASourceThatHasFailedMayFailInAnotherWayAsItIsStopped(t *testing.T) {
	failures := 0
	running := Follow(t, func(ctx context.Context, _ discovery.Report) error {
		if failures++; failures > 1 {
			<-ctx.Done()
		}
		return fmt.Errorf("failure %d", failures)
	})
	running.WantError("failure 1")
	running.Stop()
}
