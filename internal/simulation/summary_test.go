package simulation

import (
	"slices"
	"time"
)

// summary is the result of one run in numbers.
type summary struct {
	success  float64 // share of requests
	failed   float64 // share of requests
	mean     time.Duration
	p50      time.Duration
	p99      time.Duration
	p999     time.Duration
	answered time.Duration // the 99th percentile of those that did not fail
	peak     int           // most in flight at one backend
	crowding float64       // most in flight at a watched backend, relative to the mean of all at that moment
	parked   float64       // most parked at one backend above the mean, in deviations of chance
	moved    float64       // share of requests that left the backend of their session
	attempts float64       // for each request
	shares   []float64     // of the watched backends in each phase, relative to their fair share
}

func (r *run) summary() summary {
	moved, attempts := r.moved(), r.attempts()
	r.dropUnmeasured()
	s := summary{
		moved:    moved,
		attempts: attempts,
		success:  r.successes(),
		failed:   float64(count(r.failed)) / float64(len(r.failed)),
		mean:     mean(r.latencies),
		crowding: r.fleet.crowding,
		parked:   r.fleet.parkedExcess,
	}
	s.answered = r.answeredQuantile(.99)
	slices.Sort(r.latencies)
	s.p50, s.p99, s.p999 = r.quantile(.5), r.quantile(.99), r.quantile(.999)
	for _, b := range r.fleet.backends {
		s.peak = max(s.peak, b.peak)
	}
	for _, w := range r.scenario.phases {
		s.shares = append(s.shares, r.share(w))
	}
	return s
}

// attempts returns the number of attempts for each request.
func (r *run) attempts() float64 {
	n := 0
	for _, b := range r.fleet.backends {
		for _, attempts := range b.perSecond {
			n += attempts
		}
	}
	return float64(n) / float64(len(r.arrivals))
}

// dropUnmeasured removes the results of requests whose times are not compared.
func (r *run) dropUnmeasured() {
	n := 0
	for i, a := range r.arrivals {
		if !a.kind.unmeasured && a.at >= r.scenario.from {
			r.latencies[n], r.failed[n] = r.latencies[i], r.failed[i]
			n++
		}
	}
	r.latencies, r.failed, r.arrivals = r.latencies[:n], r.failed[:n], nil
}

// successes returns the share of requests that succeeded in time.
func (r *run) successes() float64 {
	n := 0
	for i, latency := range r.latencies {
		if !r.failed[i] && (r.scenario.within == 0 || latency <= r.scenario.within) {
			n++
		}
	}
	return float64(n) / float64(len(r.latencies))
}

// quantile returns a quantile of the latencies, which must be sorted.
func (r *run) quantile(q float64) time.Duration {
	return r.latencies[int(q*float64(len(r.latencies)))]
}

// answeredQuantile returns a quantile of the latencies of requests that did not fail.
func (r *run) answeredQuantile(q float64) time.Duration {
	var answered []time.Duration
	for i, latency := range r.latencies {
		if !r.failed[i] {
			answered = append(answered, latency)
		}
	}
	slices.Sort(answered)
	return append(answered, r.scenario.deadline)[int(q*float64(len(answered)))]
}

// share returns the share of the watched backends in a part of the run, relative to their fair
// share.
func (r *run) share(w window) float64 {
	var watched, all int
	for i, b := range r.fleet.backends {
		n := 0
		for _, attempts := range b.perSecond[w.from/time.Second : w.to/time.Second] {
			n += attempts
		}
		all += n
		if slices.Contains(r.scenario.watched, i) {
			watched += n
		}
	}
	return float64(watched) / float64(max(all, 1)) / r.scenario.fairShare()
}

func (s *scenario) fairShare() float64 {
	if s.fair > 0 {
		return s.fair
	}
	return float64(len(s.watched)) / float64(s.backends)
}

func count(flags []bool) (n int) {
	for _, f := range flags {
		if f {
			n++
		}
	}
	return n
}

func mean(d []time.Duration) time.Duration {
	var sum time.Duration
	for _, v := range d {
		sum += v
	}
	return sum / time.Duration(len(d))
}
