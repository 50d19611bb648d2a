package simulation

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"
)

// idleWebsockets has two hundred idle websockets at each endpoint, beside quick requests. They open
// within the first seconds, as after a deployment, and stay. They answer at once and say nothing
// more. A policy that counts them as work compares 201 with 199 where one quick request matters; a
// policy that takes their first answers for its own finds everything fast.
//
// least_conn counts them too, and so it balances only as well as they are spread. It must not be
// worse than that, and the websockets must be spread as evenly as its own.
var idleWebsockets = everydayScenario("idle websockets", 25*time.Second, ordinary(900, kind{
	rate: 500, until: 4 * time.Second, lasts: 40 * time.Second,
	request: get("/live"), header: websocketHeader, answer: upgraded, leaves: true, unmeasured: true,
}), harmlessAndEven)

// websocketHeader asks for an upgrade of the connection.
var websocketHeader = http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}}

// idleStreams, idleDownloads and idleUploads are requests of other kinds that open as websockets
// do: event streams without an event, downloads by clients that stand still, and uploads of which
// nothing comes. None of them ends for long, and a download looks like any other request. A policy
// that finds out one by one what they are counts the new ones as work, so that the quick requests
// gather where few streams are new.
var (
	idleStreams = opening("idle event streams", kind{
		request: get("/events"), header: http.Header{"Accept": {"text/event-stream"}}, answer: streamed,
	})
	idleDownloads = opening("idle downloads", kind{request: downloads, answer: streamed, leaves: true})
	idleUploads   = opening("idle uploads", kind{request: post("/upload"), answer: received, stalls: true, leaves: true})
)

// opening has two hundred requests of a kind at each endpoint, which open within the first seconds.
func opening(name string, k kind) scenario {
	k.rate, k.until, k.lasts, k.unmeasured = 500, 4*time.Second, 40*time.Second, true
	return everydayScenario(name, 25*time.Second, ordinary(900, k), harmlessAndEven).with(func(s *scenario) {
		s.seeds = 3 // the first second, in which nothing is known, moves p99 by 1 % from run to run
	})
}

func downloads(r *rand.Rand) (method, path string) {
	return http.MethodGet, fmt.Sprintf("/download/%016x.iso", r.Uint64())
}

// silentStreams has event streams whose header comes with the first event, and that is after a
// minute. Until then they look like requests to a hung endpoint, and nothing is known of their
// route. Then they look like very slow answers.
//
// The run is longer than the minute, so that a policy sees both.
var silentStreams = everydayScenario("silent event streams", 75*time.Second, ordinary(400, kind{
	rate: 2, lasts: time.Minute,
	request: get("/events"), header: http.Header{"Accept": {"text/event-stream"}},
	answer: silentThenStreamed, unmeasured: true,
}), harmlessAndEven).with(func(s *scenario) {
	s.backends = 5
})

// stalledUploads has clients that send the header of a request and no body, from a train or from
// behind a broken network. They leave after half a minute. Other uploads are answered. The endpoint
// waits for the client, so neither the age of these requests nor their end says anything about it.
// No policy can tell them from the other uploads when they come, so their places are not checked.
var stalledUploads = everydayScenario("stalled uploads", 35*time.Second, ordinary(900,
	kind{
		rate: 20, request: post("/upload"), work: exponential(50 * time.Millisecond), unmeasured: true,
	},
	kind{
		rate: 4, lasts: 30 * time.Second, request: post("/upload"),
		answer: received, stalls: true, leaves: true, unmeasured: true,
	},
), harmless)

// post makes all requests of a kind a POST to one path.
func post(path string) func(*rand.Rand) (string, string) {
	return func(*rand.Rand) (string, string) { return http.MethodPost, path }
}

// harmlessAndEven also checks that parked requests are spread more evenly than by chance, which
// reaches 2 to 3.5 deviations. least_conn reaches 0.9.
func harmlessAndEven(t *testing.T, m measured) {
	t.Helper()
	harmless(t, m)
	m.atMost(t, "adaptive_latency", parked, 2)
}
