package load

import "testing"

// TestAnEndpointThatBreaksOffEveryAnswerIsSick has few endpoints, so that a third of all answers
// break off, and that is soon usual for their route.
func TestAnEndpointThatBreaksOffEveryAnswerIsSick(t *testing.T) {
	p := newPool(3)
	r := p.route("/")
	for n := range 60 {
		for e := range 3 {
			request := p.send(e, r)
			p.now += second / 100
			p.endpoints[e].Conclude(request, p.now, Answered, decay)
			if e == 1 {
				p.endpoints[e].BreakOff(request, p.now, decay)
			}
			p.endpoints[e].End(request, p.now, decay)
		}
		if n == 20 && p.alarms(1) == 0 {
			t.Error("after 20 answers that broke off there is no alarm")
		}
	}
	if p.alarms(0) > 0 || p.alarms(2) > 0 {
		t.Error("there is an alarm for another endpoint")
	}
}
