package load

// ages is how long the waiting requests of an endpoint have waited, relative to what is usual for
// their routes. Each counts from its start or from the endpoint's latest answer, whichever is
// later: an endpoint that answers others does not hang, however long one request takes.
type ages struct {
	waiting int     // all requests that wait
	known   int     // those of a route whose usual age is known
	factors float64 // the sum of what a second counts for each of them
	starts  float64 // the sum of their starts in seconds, times the factor
	answer  Instant // the latest answer
}

func (a *ages) add(r *Request) {
	a.waiting++
	if r.perSecond > 0 {
		a.known++
		a.factors += r.perSecond
		a.starts += r.perSecond * seconds(max(r.since, a.answer))
	}
}

func (a *ages) remove(r *Request) {
	a.waiting--
	if r.perSecond == 0 {
		return
	}
	if a.known--; a.known == 0 {
		a.factors, a.starts = 0, 0 // also what rounding left over
		return
	}
	a.factors -= r.perSecond
	a.starts -= r.perSecond * seconds(max(r.since, a.answer))
}

// ignore makes the age of a request say nothing from now on.
func (a *ages) ignore(r *Request) {
	a.remove(r)
	r.perSecond = 0
	a.add(r)
}

// answered makes all ages begin again.
func (a *ages) answered(now Instant) {
	a.answer = now
	a.starts = a.factors * seconds(now)
}

func seconds(i Instant) float64 { return float64(i) / 1e9 }
