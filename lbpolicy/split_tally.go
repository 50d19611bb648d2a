package lbpolicy

import (
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/load"
)

// splitTally counts the answers of each group on each route.
type splitTally struct {
	routes sync.Map // *routeTally by *load.Route
	count  atomic.Int32
}

// maxTallied bounds the routes of a tally. A pool has room for 1,024, and each that replaces
// another one is new.
const maxTallied = 2048

// routeTally has the groups on a route. Those that had no answer are nil.
type routeTally [maxGroups]atomic.Pointer[groupTally]

// groupTally is what a group did on a route.
type groupTally struct {
	answers, errors atomic.Uint64
	times           load.Histogram // of answers that are no errors
}

// add counts the result of an attempt.
func (t *splitTally) add(group int, r *endpoint.Result) {
	found, known := t.routes.Load(r.Route)
	if !known {
		if t.count.Load() >= maxTallied {
			return
		}
		if found, known = t.routes.LoadOrStore(r.Route, new(routeTally)); !known {
			t.count.Add(1)
		}
	}
	place := &found.(*routeTally)[group]
	g := place.Load()
	if g == nil {
		place.CompareAndSwap(nil, new(groupTally))
		g = place.Load()
	}
	if !r.Late {
		g.answers.Add(1)
	}
	if r.Failed || r.Status >= http.StatusInternalServerError {
		g.errors.Add(1)
	} else if r.Latency > 0 {
		g.times.Observe(r.Latency)
	}
}

// routeCounts is what two groups did on one route.
type routeCounts struct {
	name            string
	group, standard counts
}

// counts is what a group did on a route.
type counts struct {
	answers, errors uint64
	times           load.Times
}

func (c *counts) add(g *groupTally) {
	if g == nil {
		return
	}
	// Errors come first, because an answer that is counted meanwhile must not be an error only.
	c.errors += g.errors.Load()
	c.answers += g.answers.Load()
	g.times.AddTo(&c.times)
}

// compared returns what two groups did on the routes that both had.
func compared(tallies []*splitTally, group, standard int) (all []routeCounts) {
	byRoute := make(map[*load.Route]*routeCounts)
	for _, t := range tallies {
		t.routes.Range(func(key, value any) bool {
			route, tally := key.(*load.Route), value.(*routeTally)
			c := byRoute[route]
			if c == nil {
				c = &routeCounts{name: route.Name()}
				byRoute[route] = c
			}
			c.group.add(tally[group].Load())
			c.standard.add(tally[standard].Load())
			return true
		})
	}
	for _, c := range byRoute {
		c.group.errors = min(c.group.errors, c.group.answers) // late ones may be of the window before
		c.standard.errors = min(c.standard.errors, c.standard.answers)
		if c.group.answers > 0 && c.standard.answers > 0 {
			all = append(all, *c)
		}
	}
	return all
}
