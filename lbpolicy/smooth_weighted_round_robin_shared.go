package lbpolicy

import (
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// scheduleTable provides the schedules of the reverse proxies that share a list. Each reverse proxy
// has its own, because its requests alone may be all that an endpoint gets. To find a start takes
// up to a millisecond, so it is done once; to copy a schedule takes microseconds.
type scheduleTable struct {
	*sampler // for retries

	mu       sync.Mutex
	schedule *schedule
}

var scheduleTables = newShared(newScheduleTable)

func newScheduleTable(members []endpoint.Member, _ []node) *scheduleTable {
	return &scheduleTable{sampler: newSampler(members), schedule: newSchedule(weightsOf(members), rand.Uint64N)}
}

func weightsOf(members []endpoint.Member) []uint32 {
	weights := make([]uint32, len(members))
	for i := range members {
		weights[i] = members[i].Weight
	}
	return weights
}

// drop implements table. A schedule is small, and freed with its last reverse proxy.
func (t *scheduleTable) drop() {}

// next returns a schedule for one more reverse proxy. It starts a few picks after the one before,
// so that reverse proxies do not pick the same endpoints in step.
func (t *scheduleTable) next() *schedule {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.schedule.cloneAfter(1 + rand.IntN(batchSize))
}

// cloneAfter computes some picks, and returns a schedule that goes on from there. It is exact over
// each cycle from its first pick on, because the picks of s repeat.
func (s *schedule) cloneAfter(picks int) *schedule {
	c := &schedule{cycle: s.cycle}
	if s.cycle == 0 {
		return c
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for range picks {
		s.nextLocked()
	}
	c.now, c.start, c.groups = s.now, s.start, slices.Clone(s.groups)
	c.waiting, c.ready = slices.Clone(s.waiting), slices.Clone(s.ready)
	c.replace(nil)
	return c
}
