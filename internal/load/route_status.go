package load

import "time"

// RouteStatus is what is known of a route, for people.
type RouteStatus struct {
	// Name is the method and the path, with * for what varies.
	Name string

	// Requests is the number of answers and failures since the route is known.
	Requests uint64

	// Mean is the mean time to first byte of recent answers.
	Mean time.Duration

	// Failures is the share of failures among recent results.
	Failures float64

	// Parked says that requests of the route are no work: they are in flight for too long.
	Parked bool
}

// Name returns the method and the path, with * for what varies.
func (r *Route) Name() string { return r.name }

// Status returns what is known of all routes, in no order.
func (t *Routes) Status() (all []RouteStatus) {
	add := func(r *Route) {
		if r != nil && r.requests.Load() > 0 {
			all = append(all, RouteStatus{
				Name:     r.name,
				Requests: r.requests.Load(),
				Mean:     time.Duration(r.mean.get() * float64(time.Second)),
				Failures: r.failed.get(),
				Parked:   t.Parked(r),
			})
		}
	}
	for i := range t.sets {
		if set := t.sets[i].Load(); set != nil {
			for j := range set {
				add(set[j].Load())
			}
		}
	}
	for i := range t.methods {
		add(t.methods[i].Load())
	}
	return all
}
