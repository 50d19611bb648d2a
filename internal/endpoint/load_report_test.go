package endpoint

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/listing"
	"github.com/caddy-balance/caddy-balance/internal/load"
	"github.com/caddy-balance/caddy-balance/internal/loadreport"
)

// report makes an endpoint report that it serves so many requests a second at full utilization.
func (p *runningPool) report(name string, rate float64) {
	r := loadreport.Report{Utilization: 1, Requests: rate}
	p.Roster.Snapshot().Find(name+":1").Report(r, nil, load.Now())
}

// wantWeights fails the test unless the weights are these, such as "a:1 b:0.5".
func (p *runningPool) wantWeights(after time.Duration, want string) {
	p.t.Helper()
	s := p.wait(after)
	var got []string
	for i := range s.Members {
		m := &s.Members[i]
		got = append(got, fmt.Sprintf("%s:%.3g", strings.TrimSuffix(m.Address(), ":1"), s.EffectiveWeight(m)))
	}
	if text := strings.Join(got, " "); text != want {
		p.t.Errorf("the weights are %s; want %s", text, want)
	}
}

func TestWeightsFollowLoadReportsAfterTheBlackout(t *testing.T) {
	runPool(t, Rules{LoadReports: true}, func(p *runningPool) {
		p.replace("a b c")
		p.report("a", 300)
		p.report("b", 100)
		p.wantWeights(9*time.Second, "a:1 b:1 c:1")
		p.wantWeights(3*time.Second, "a:1.5 b:0.5 c:1") // c has the mean
	})
}

func TestLoadReportsExpireAndTheBlackoutBeginsAgain(t *testing.T) {
	runPool(t, Rules{LoadReports: true}, func(p *runningPool) {
		p.replace("a b")
		p.report("a", 300)
		p.report("b", 100)
		p.wantWeights(2*time.Minute, "a:1.5 b:0.5")
		p.wantWeights(2*time.Minute, "a:1 b:1")
		p.report("a", 300)
		p.report("b", 100)
		p.wantWeights(5*time.Second, "a:1 b:1")
		p.wantWeights(7*time.Second, "a:1.5 b:0.5")
	})
}

func TestReportsShareTheWeightOfTheirSources(t *testing.T) {
	runPool(t, Rules{LoadReports: true}, func(p *runningPool) {
		p.replace("a/w6 b/w2 c/w5 d/w0")
		p.report("a", 100)
		p.report("b", 100)
		p.report("d", 100) // which drains
		p.wantWeights(12*time.Second, "a:4 b:4 c:5 d:0")
	})
}

func TestNoEndpointDrawsAllRequestsByItsReports(t *testing.T) {
	runPool(t, Rules{LoadReports: true}, func(p *runningPool) {
		p.replace("a b c d e f g h i j")
		for _, name := range strings.Fields("a b c d e f g h i") {
			p.report(name, 100)
		}
		p.report("j", math.MaxFloat64/2)
		s := p.wait(12 * time.Second)
		j := s.EffectiveWeight(s.Find("j:1"))
		if j > 10./3 || j < 3 {
			t.Errorf("the endpoint that claims to be idle has the weight %v of 10", j)
		}
	})
	runPool(t, Rules{LoadReports: true}, func(p *runningPool) {
		p.replace("a b")
		p.report("a", math.MaxFloat64/2)
		p.report("b", 100)
		p.wantWeights(12*time.Second, "a:1.6 b:0.4")
	})
}

func TestNoNumberInReportsTakesRequestsAway(t *testing.T) {
	for _, rate := range []float64{math.MaxFloat64 / 2, math.SmallestNonzeroFloat64} {
		for list, want := range map[string]string{"a/w600 b/w200": "a:400 b:400", "a/w600": "a:600"} {
			runPool(t, Rules{LoadReports: true}, func(p *runningPool) {
				p.replace(list + " c/w300")
				for member := range strings.FieldsSeq(list) {
					p.report(member[:1], rate)
				}
				p.wantWeights(12*time.Second, want+" c:300")
			})
		}
	}
}

func TestLoadReportsThatSayNothingAreOnlyCounted(t *testing.T) {
	runPool(t, Rules{LoadReports: true}, func(p *runningPool) {
		p.replace("a b")
		a := p.Roster.Snapshot().Find("a:1")
		for range 20 {
			a.Report(loadreport.Report{}, errors.New("invalid"), load.Now())
			a.Report(loadreport.Report{Requests: 100}, nil, load.Now())
			p.report("b", 100)
			p.wait(time.Second)
		}
		p.wantWeights(0, "a:1 b:1")
		if taken, ignored := p.Pool.Reports(ReportTaken), p.Pool.Reports(ReportIgnored); taken != 20 || ignored != 40 {
			t.Errorf("%d reports were taken and %d ignored", taken, ignored)
		}
	})
}

func TestASmallChangeOfAReportChangesNoWeight(t *testing.T) {
	runPool(t, Rules{LoadReports: true}, func(p *runningPool) {
		p.replace("a b")
		p.report("a", 100)
		p.report("b", 100)
		before := p.wait(12 * time.Second)
		p.report("a", 109)
		if p.wait(2*time.Second) != before {
			t.Error("the shares were published again")
		}
		p.report("a", 150)
		p.wantWeights(2*time.Second, "a:1.2 b:0.8")
	})
}

func TestAnotherProcessAtAnAddressStartsOver(t *testing.T) {
	runPool(t, Rules{LoadReports: true}, func(p *runningPool) {
		list := func(id string) {
			p.Roster.Replace([]listing.Info{{Address: "a:1", ID: id, Weight: 1}, {Address: "b:1", Weight: 1}})
		}
		list("one")
		p.report("a", 300)
		p.report("b", 100)
		p.wantWeights(12*time.Second, "a:1.5 b:0.5")
		list("two")
		p.wantWeights(0, "a:1 b:1")
		p.report("a", 300)
		p.wantWeights(5*time.Second, "a:1 b:1")
		p.wantWeights(7*time.Second, "a:1.5 b:0.5")
	})
}

func TestAnEndpointThatServesAgainStartsOver(t *testing.T) {
	runPool(t, Rules{LoadReports: true}, func(p *runningPool) {
		p.replace("a b")
		p.report("a", 300)
		p.report("b", 100)
		p.wantWeights(12*time.Second, "a:1.5 b:0.5")
		p.set("a", ProbeFailed, true)
		p.wantWeights(time.Second, "a:0 b:1")
		p.set("a", ProbeFailed, false)
		p.wantWeights(time.Second, "a:1 b:1")
	})
}

func TestAWeightThatAnOperatorSetStands(t *testing.T) {
	runPool(t, Rules{LoadReports: true}, func(p *runningPool) {
		p.replace("a b c")
		p.report("a", 300)
		p.report("b", 100)
		p.report("c", 100)
		weight := 2
		decide := func(*Override) (Override, error) { return Override{Weight: &weight}, nil }
		if _, err := p.Roster.SetOverride(p.Roster.Snapshot().Find("a:1"), false, decide); err != nil {
			t.Fatal(err)
		}
		p.wantWeights(12*time.Second, "a:2 b:1 c:1")
	})
}

func TestSlowStartAppliesToReportedWeights(t *testing.T) {
	rules := Rules{LoadReports: true, SlowStart: 40 * time.Second}
	runPool(t, rules, func(p *runningPool) {
		p.replace("a b")
		p.report("a", 300)
		p.report("b", 100)
		p.wait(20 * time.Second)
		p.set("b", ProbeFailed, true)
		p.wait(time.Second)
		p.set("b", ProbeFailed, false)
		p.wait(time.Second)
		p.report("b", 100)
		p.wait(20 * time.Second)
		s := p.Roster.Snapshot()
		b := s.EffectiveWeight(s.Find("b:1"))
		if b < .2 || b > .3 { // half of its half
			t.Errorf("the weight is %v", b)
		}
	})
}

func TestPoolsIgnoreReportsByDefault(t *testing.T) {
	runPool(t, Rules{}, func(p *runningPool) {
		p.replace("a b")
		if p.Roster.Snapshot().Find("a:1").TakesReports() {
			t.Error("the pool takes load reports")
		}
		p.report("a", 300)
		p.report("b", 100)
		p.wantWeights(12*time.Second, "a:1 b:1")
	})
}
