package traffic

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

func init() { caddy.RegisterModule(new(eventRecorder)) }

// eventRecorder is the event handler `record`, which keeps the events of pools in events.
type eventRecorder struct{}

// events are the events so far. Each has the name, the pool, and whether it gives a reason.
var events struct {
	sync.Mutex
	recorded []string
}

func (*eventRecorder) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "events.handlers.record", New: func() caddy.Module { return new(eventRecorder) }}
}

func (*eventRecorder) UnmarshalCaddyfile(d *caddyfile.Dispenser) error { d.Next(); return nil }

func (*eventRecorder) Handle(_ context.Context, e caddy.Event) error {
	events.Lock()
	defer events.Unlock()
	events.recorded = append(events.recorded, fmt.Sprintf("%s %v %v", e.Name(), e.Data["pool"], e.Data["reason"] != ""))
	return nil
}

func TestCaddysEventsReportWhatHappensToAPool(t *testing.T) {
	f := startFaultyFleet(t, 2, serveHTTP)
	p := startProxyWith(t, `events {
			on healthy record
			on unhealthy record
			on ejected record
			on readmitted record
			on fail_open record
		}`, checkedPool(f.fleet,
		fastChecks("http /healthz", longTimeout)+ejectAtFirstFailure("1s"), roundRobin+"\nlb_retries 1"))
	await := func(name string) {
		t.Helper()
		eventually(t, name+" is an event", func() bool {
			events.Lock()
			defer events.Unlock()
			return slices.Contains(events.recorded, name+" web true")
		})
	}
	startLoad(t, p)
	awaitRequests(t, f.fleet[0]) // a check must not be the first to see the failure
	f.fleet[0].kill()
	await("ejected")
	await("unhealthy")
	f.restart(f.fleet[0])
	await("healthy")
	await("readmitted")
	f.fleet[1].kill()
	f.fleet[0].kill()
	await("fail_open")
}
