package traffic

import (
	"encoding/json"
	"testing"
)

// queueTimes waits until the access log has n requests, and returns what it says of the time that
// each was in the queue, by path.
func queueTimes(t *testing.T, n int) map[string]any {
	t.Helper()
	const marker = `"logger":"http.log.access`
	eventually(t, "the access log has the requests", func() bool { return logged.Count(marker) >= n })
	times := make(map[string]any)
	for _, text := range logged.With(marker) {
		var line struct {
			Request struct{ URI string }
			Queue   any
		}
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		times[line.Request.URI] = line.Queue
	}
	return times
}

const logsQueueTime = "log\nlog_append queue {http.reverse_proxy.pool.queue_time}\n"

func TestTheAccessLogHasTheTimeInTheQueue(t *testing.T) {
	blocking := newBlockingHandler()
	fleet := startBackends(t, 1, blocking.serve)
	site := logsQueueTime + gated(fleet, "max_in_flight 1\nqueue 1 1h", "") + "\nhandle_errors {\nrespond 503\n}"
	c := startProxy(t, site).client()
	go c.get("/first")
	receive(t, blocking.arrived)
	go c.get("/waits")
	awaitGate(t, 1, 1)
	expectRefused(t)(c.get("/refused"))
	close(blocking.release)
	receive(t, blocking.arrived)
	times := queueTimes(t, 3)
	if times["/first"] != 0. || times["/refused"] != 0. {
		t.Errorf("%v; want 0 for what did not wait", times)
	}
	if seconds, ok := times["/waits"].(float64); !ok || seconds <= 0 {
		t.Errorf("%v; want a time for what has waited", times)
	}
}

func TestARequestThatHasWaitedTooLongLogsItsTimeInTheQueue(t *testing.T) {
	blocking := newBlockingHandler()
	fleet := startBackends(t, 1, blocking.serve)
	c := startProxy(t, logsQueueTime+gated(fleet, "max_in_flight 1\nqueue 1 20ms", "")).client()
	go c.get("/first")
	receive(t, blocking.arrived)
	expectRefused(t)(c.get("/late"))
	close(blocking.release)
	if seconds, _ := queueTimes(t, 2)["/late"].(float64); seconds < .02 {
		t.Errorf("%v s were logged, want at least 0.02", seconds)
	}
}

func TestAPoolThatLetsAllRequestsInHasNoTimeInAQueue(t *testing.T) {
	fleet := startBackends(t, 1)
	c := startProxy(t, logsQueueTime+gated(fleet, "retry_budget 20%", "")).client()
	expectOK(t)(c.get("/"))
	if times := queueTimes(t, 1); times["/"] != "" {
		t.Errorf("%v; want an empty text", times)
	}
}
