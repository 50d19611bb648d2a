package load

import (
	"testing"
	"time"
)

func TestARecoveryEndsAllAlarms(t *testing.T) {
	p, r := cleanPool()
	for range 20 {
		p.result(0, r, time.Millisecond, Unreachable)
		p.result(0, r, time.Millisecond, Failed)
	}
	if n := p.alarms(0); n < 3 {
		t.Fatalf("forty failures are %v alarms", n)
	}
	if !p.read(0).Partial {
		t.Fatal("there is no alarm for the route")
	}
	p.endpoints[0].Recover()
	if read := p.read(0); read.Alarms > 0 || read.Partial || p.endpoints[0].RouteAlarms(r, p.now, decay) > 0 {
		t.Errorf("after the recovery there are alarms: %+v", read)
	}
	p.result(0, r, time.Millisecond, Unreachable)
	if p.alarms(0) == 0 {
		t.Error("another refused connection is no alarm")
	}
}
