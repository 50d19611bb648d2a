package load

import "os"

// ages is how long the waiting requests of an endpoint have waited, relative to what is usual for
// their routes. A request counts from its start or from the latest answer of the endpoint,
// whichever is later: an endpoint that answers others is not hung, however long one request takes.
type ages struct {
	waiting int     // all that wait
	known   int     // those of a known route
	factors float64 // the sum of what a second counts for each
	starts  float64 // the sum of their starts in seconds, times the factor
	answer  Instant // the latest answer
}

func (a *ages) add(r *Request) {
	a.waiting++
	if r.age > 0 {
		a.known++
		a.factors += r.age
		a.starts += r.age * seconds(r.since)
	}
}

func (a *ages) remove(r *Request) {
	a.waiting--
	if r.age == 0 {
		return
	}
	if a.known--; a.known == 0 {
		a.factors, a.starts = 0, 0 // also what rounding left over
		return
	}
	a.factors -= r.age
	a.starts -= r.age * seconds(max(r.since, a.answer))
}

// answered lets all ages begin anew.
func (a *ages) answered(now Instant) {
	if sinceLastAnswer {
		a.answer = now
		a.starts = a.factors * seconds(now)
	}
}

var sinceLastAnswer = os.Getenv("SLA") != "0"

// mean returns the mean age of those of a known route, where 1 is a request that takes longer than
// usual.
func (a *ages) mean(now Instant) float64 {
	if a.known == 0 {
		return 0
	}
	return max(a.factors*seconds(now)-a.starts, 0) / float64(a.known)
}

func seconds(i Instant) float64 { return float64(i) / 1e9 }
