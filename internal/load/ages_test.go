package load

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// waiters is an endpoint whose requests wait, of a pool in which none takes so long that it parks.
type waiters struct {
	Load
	table Routes
	all   []*Request
}

func newWaiters() *waiters {
	w := new(waiters)
	w.table.finish(new(Route), 1e6)
	return w
}

// routeTaking returns a route whose answers all take this many seconds; 0 for one without answers.
func routeTaking(usual float64) *Route {
	r := new(Route)
	if usual > 0 {
		r.observe(0, usual, false, decay)
	}
	return r
}

// send begins a request of a route whose usual age is a number of seconds; 0 if that is not known.
func (w *waiters) send(now Instant, usual float64) *Request {
	r := new(Request)
	w.Begin(r, &w.table, routeTaking(usual), false, now)
	w.all = append(w.all, r)
	return r
}

// leave ends a request whose client goes away.
func (w *waiters) leave(r *Request, now Instant) {
	w.End(r, now, decay)
	i := slices.Index(w.all, r)
	w.all = slices.Delete(w.all, i, i+1)
}

// answerOther lets the endpoint answer one more request.
func (w *waiters) answerOther(now Instant) {
	r := w.send(now, 0)
	w.Conclude(r, now, Nothing, decay)
	w.leave(r, now)
}

func (w *waiters) age(now Instant) float64 { return w.Read(now, decay).Age }

func TestTheAgeIsRelativeToTheRoute(t *testing.T) {
	w := newWaiters()
	w.send(3*second, .1)
	w.send(3*second, 10)
	wantNear(t, "the mean age after a second", w.age(4*second), (10+.1)/2)
}

func TestAnAgeIsUsualAsLongAsTheRouteIsNew(t *testing.T) {
	w := newWaiters()
	w.send(1*second, .1) // the route is known for a second
	wantNear(t, "the mean age after a second", w.age(2*second), 1)
}

func TestTheAgeOfARouteThatIsNotKnownSaysNothing(t *testing.T) {
	w := newWaiters()
	unknown := w.send(1*second, 0)
	if w.Waiting() != 1 || w.age(100*second) != 0 {
		t.Errorf("%d wait, of an age of %v", w.Waiting(), w.age(100*second))
	}
	w.send(1*second, 1)
	wantNear(t, "the mean age of the others", w.age(2*second), 1)
	w.leave(unknown, 2*second)
	wantNear(t, "the mean age of the others, without it", w.age(2*second), 1)
}

func TestAgesCountFromTheLatestAnswer(t *testing.T) {
	w := newWaiters()
	r := w.send(1*second, 1)
	w.answerOther(6 * second)
	if age := w.age(6 * second); age > 1e-6 {
		t.Errorf("at an answer the mean age is %v", age)
	}
	wantNear(t, "a second later it", w.age(7*second), 1)
	w.send(7*second, 1)
	wantNear(t, "with one that is sent now", w.age(8*second), 1.5)
	w.leave(r, 8*second)
	wantNear(t, "without the old one", w.age(8*second), 1)
}

func TestARequestThatWasSentBeforeTheLatestAnswerCountsFromIt(t *testing.T) {
	w := newWaiters()
	w.answerOther(6 * second)
	r := w.send(1*second, 1)
	wantNear(t, "the mean age", w.age(7*second), 1)
	w.leave(r, 7*second)
	wantNoAges(t, &w.ages)
}

func TestTheAgeIsNeverNegative(t *testing.T) {
	w := newWaiters()
	w.send(2*second, 1)
	if age := w.age(1 * second); age != 0 {
		t.Errorf("a reader whose clock was read earlier sees an age of %v", age)
	}
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
	w := newWaiters()
	now, answer := at(365*24*time.Hour), Instant(0)
	for i := range 1_000_000 {
		now += Instant(random.Int64N(1e6))
		seen := now - Instant(random.Int64N(1e6))
		switch op := random.IntN(10); {
		case op < 5 && len(w.all) < 300 || len(w.all) < 10:
			usual := math.Exp(random.NormFloat64()*3) * float64(random.IntN(10))
			w.send(seen, usual)
		case op == 9 && random.IntN(10) == 0:
			w.answerOther(now)
			answer = now
		default:
			w.leave(w.all[random.IntN(len(w.all))], seen)
		}
		if i%997 > 0 {
			continue
		}
		later := now + second
		got, want := w.age(later), meanAge(w.all, answer, later)
		if math.Abs(got-want) > 1e-3*want || w.Waiting() != len(w.all) {
			t.Fatalf("after %d changes %d requests have a mean age of %v, want %d of %v", i, w.Waiting(), got, len(w.all), want)
		}
	}
	for len(w.all) > 0 {
		w.leave(w.all[0], now)
	}
	wantNoAges(t, &w.ages)
}
