package load

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// waitingSince returns a request of a route whose usual age is a number of seconds; 0 if unknown.
func waitingSince(since Instant, usual float64) *Request {
	r := &Request{stage: waiting, since: since}
	if usual > 0 {
		r.perSecond = 1 / usual
	}
	return r
}

func TestTheAgeIsRelativeToTheRoute(t *testing.T) {
	var a ages
	a.add(waitingSince(1*second, .1))
	a.add(waitingSince(1*second, 10))
	wantNear(t, "the mean age after a second", a.mean(2*second), (10+.1)/2)
}

func TestTheAgeOfARouteThatIsNotKnownSaysNothing(t *testing.T) {
	var a ages
	unknown := waitingSince(1*second, 0)
	a.add(unknown)
	if a.waiting != 1 || a.mean(100*second) != 0 {
		t.Errorf("%d wait, of an age of %v", a.waiting, a.mean(100*second))
	}
	a.add(waitingSince(1*second, 1))
	wantNear(t, "the mean age of the others", a.mean(2*second), 1)
	a.remove(unknown)
	wantNear(t, "the mean age of the others, without it", a.mean(2*second), 1)
}

func TestAgesCountFromTheLatestAnswer(t *testing.T) {
	var a ages
	r := waitingSince(1*second, 1)
	a.add(r)
	a.answered(6 * second)
	if age := a.mean(6 * second); age != 0 {
		t.Errorf("at an answer the mean age is %v", age)
	}
	wantNear(t, "a second later it", a.mean(7*second), 1)
	a.add(waitingSince(7*second, 1))
	wantNear(t, "with one that is sent now", a.mean(8*second), 1.5)
	a.remove(r)
	wantNear(t, "without the old one", a.mean(8*second), 1)
}

func TestARequestThatWasSentBeforeTheLatestAnswerCountsFromIt(t *testing.T) {
	var a ages
	a.answered(6 * second)
	r := waitingSince(1*second, 1)
	a.add(r)
	wantNear(t, "the mean age", a.mean(7*second), 1)
	a.remove(r)
	wantNoAges(t, &a)
}

func TestTheAgeIsNeverNegative(t *testing.T) {
	var a ages
	a.add(waitingSince(2*second, 1))
	if age := a.mean(1 * second); age != 0 {
		t.Errorf("a reader whose clock was read earlier sees an age of %v", age)
	}
}

func TestAnIgnoredRequestStillWaits(t *testing.T) {
	var a ages
	r := waitingSince(1*second, 1)
	a.add(r)
	a.ignore(r)
	if a.waiting != 1 || a.mean(9*second) != 0 {
		t.Errorf("%d wait, of an age of %v", a.waiting, a.mean(9*second))
	}
	a.remove(r)
	wantNoAges(t, &a)
}

func wantNoAges(t *testing.T, a *ages) {
	t.Helper()
	if a.waiting != 0 || a.known != 0 || a.factors != 0 || a.starts != 0 {
		t.Errorf("after all are gone there is %+v left", *a)
	}
}

// meanAge computes the mean from all requests.
func meanAge(all []*Request, answer, now Instant) float64 {
	var sum, known float64
	for _, r := range all {
		if r.perSecond > 0 {
			sum += r.perSecond * seconds(now-max(r.since, answer))
			known++
		}
	}
	return sum / max(known, 1)
}

// TestAgesDoNotDrift compares the sums with what all requests add up to, a year after the start,
// and with instants that come up to a millisecond out of order.
func TestAgesDoNotDrift(t *testing.T) {
	skipIfShort(t)
	random := rand.New(rand.NewPCG(1, 2))
	var a ages
	var all []*Request
	now, answer := at(365*24*time.Hour), Instant(0)
	for i := range 1_000_000 {
		now += Instant(random.Int64N(1e6))
		seen := now - Instant(random.Int64N(1e6))
		switch op := random.IntN(10); {
		case op < 5 && len(all) < 1000 || len(all) < 10:
			r := waitingSince(seen, math.Exp(random.NormFloat64()*3)*float64(random.IntN(10)))
			a.add(r)
			all = append(all, r)
		case op == 9 && random.IntN(10) == 0:
			a.answered(now)
			answer = now
		default:
			j := random.IntN(len(all))
			a.remove(all[j])
			all[j] = all[len(all)-1]
			all = all[:len(all)-1]
		}
		if i%997 > 0 {
			continue
		}
		later := now + second
		got, want := a.mean(later), meanAge(all, answer, later)
		if math.Abs(got-want) > 1e-3*want || a.waiting != len(all) {
			t.Fatalf("after %d changes %d requests have a mean age of %v, want %d of %v", i, a.waiting, got, len(all), want)
		}
	}
	for _, r := range all {
		a.remove(r)
	}
	wantNoAges(t, &a)
}
