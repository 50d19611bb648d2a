package simulation

import (
	"io"
	"net/http"
	"testing"
	"testing/iotest"
	"time"
)

var parkedKinds = map[string]kind{
	"long poll":           {answer: polled},
	"websocket":           {answer: upgraded, header: websocketHeader, leaves: true},
	"event stream":        {answer: streamed},
	"silent event stream": {answer: silentThenStreamed},
	"stalled upload":      {answer: received, stalls: true, leaves: true},
}

func TestParkedRequestsStayAndTakeNoCore(t *testing.T) {
	for name, k := range parkedKinds {
		t.Run(name, func(t *testing.T) {
			k.request, k.lasts, k.rate, k.unmeasured = get("/parked"), 15*time.Second, 10, true
			s := mixedWith(k)
			r := &run{scenario: &s, policy: parsePolicy("least_conn")}
			r.do(t)
			result := r.summary()
			if result.p99.Round(time.Microsecond) != 10*time.Millisecond || result.failed > 0 {
				t.Errorf("quick requests take %v and %.3g of them fail; expected 10 ms and none", result.p99, result.failed)
			}
			if peak := r.fleet.backends[0].peak; peak < 80 {
				t.Errorf("at most %d were open at the same time; expected about 100 to be parked", peak)
			}
		})
	}
}

func TestOnlyStalledUploadsEndWithoutAnAnswer(t *testing.T) {
	for name, k := range parkedKinds {
		t.Run(name, func(t *testing.T) {
			k.request, k.lasts, k.rate = get("/parked"), 15*time.Second, 10
			s := mixedWith(k)
			s.traffic = s.traffic[1:]
			r := &run{scenario: &s, policy: parsePolicy("least_conn")}
			r.do(t)
			want := 0.
			if k.stalls {
				want = 1
			}
			if got := r.summary().failed; got != want {
				t.Errorf("a share of %.3g has no answer; expected %.3g", got, want)
			}
		})
	}
}

func TestAnErrorThatComesFromAnywhereIsNoFailureOfThePolicy(t *testing.T) {
	s := mixedWith(kind{rate: 100, request: get("/broken"), fails: .2})
	r := &run{scenario: &s, policy: parsePolicy("least_conn")}
	r.do(t)
	if got := r.summary().failed; got != 0 {
		t.Errorf("a share of %.3g failed; expected none", got)
	}
}

func TestAResponseThatBreaksOffIsAFailure(t *testing.T) {
	s := mixedWith(kind{rate: 100, request: get("/broken"), answer: broken})
	r := &run{scenario: &s, policy: parsePolicy("least_conn")}
	r.do(t)
	if got := r.summary().failed; got < .45 || got > .55 {
		t.Errorf("a share of %.3g failed; expected half", got)
	}
}

// broken sends the header of a response and breaks off.
func broken(_ *backend, r *http.Request, _ *arrival) (*http.Response, error) {
	res := response(r, http.StatusOK)
	res.Body = io.NopCloser(iotest.ErrReader(io.ErrUnexpectedEOF))
	return res, nil
}

func TestAFaultOfOnePathLeavesOtherPathsAlone(t *testing.T) {
	s := mixedWith(kind{rate: 1000, request: get("/cart")})
	s.happen = func(f *fleet) {
		f.backends[0].fault.Store(&fault{status: http.StatusInternalServerError, path: "/cart", share: .3})
	}
	r := &run{scenario: &s, policy: parsePolicy("least_conn")}
	r.do(t)
	if got := r.summary().failed; got < .25 || got > .295 {
		t.Errorf("a share of %.3g failed; expected 0.3 of ten elevenths", got)
	}
}

// mixedWith is a scenario of one large machine, with quick requests and another kind.
func mixedWith(k kind) scenario {
	return scenario{
		name:     "mixed",
		duration: 20 * time.Second,
		deadline: 5 * time.Second,
		backends: 1,
		server:   func(int) server { return newSharing(64, 1) },
		traffic:  []kind{{rate: 100, request: get("/"), work: exactly(10 * time.Millisecond)}, k},
	}
}
