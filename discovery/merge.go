package discovery

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"go.uber.org/zap"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// merger keeps the last good list of each source and makes them one.
type merger struct {
	roster *endpoint.Roster
	name   string

	mu    sync.Mutex
	lists [][]endpoint.Info // by source; nil until it answered
}

// run runs the sources until ctx ends, and waits for them.
func run(ctx context.Context, name string, sources []Source, r *endpoint.Roster) {
	m := &merger{roster: r, name: name, lists: make([][]endpoint.Info, len(sources))}
	var wg sync.WaitGroup
	for i, s := range sources {
		wg.Go(func() {
			_ = s.Run(ctx, func(a Answer) { m.take(i, a.Endpoints, a.Err) })
		})
	}
	wg.Wait()
}

// take makes what source i reported part of the pool's list.
func (m *merger) take(i int, list []endpoint.Info, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err != nil {
		m.roster.Logger().Error("discovery failed", zap.String("pool", m.name), zap.Int("source", i+1), zap.Error(err),
			zap.Int("endpoints", len(m.roster.Snapshot().Members)))
	}
	if list == nil {
		return
	}
	m.lists[i] = list
	m.log(m.roster.Replace(m.merged()))
}

// merged is the union of the lists in the order of addresses, so that tables built
// from it do not depend on who answered first. On a duplicate the first source wins.
func (m *merger) merged() []endpoint.Info {
	all := slices.Concat(m.lists...)
	slices.SortStableFunc(all, func(a, b endpoint.Info) int { return cmp.Compare(a.Address, b.Address) })
	return slices.CompactFunc(all, func(a, b endpoint.Info) bool { return a.Address == b.Address })
}

// firstFew bounds what a log line says of a long list.
const firstFew = 5

func (m *merger) log(c endpoint.Change) {
	if c.Empty() {
		return
	}
	fields := []zap.Field{zap.String("pool", m.name), zap.Int("endpoints", len(m.roster.Snapshot().Members))}
	for _, part := range []struct {
		name      string
		addresses []string
	}{{"added", c.Added}, {"removed", c.Removed}, {"changed", c.Changed}} {
		if n := len(part.addresses); n > 0 {
			fields = append(fields, zap.Int(part.name, n), zap.Strings(part.name+"_addresses", part.addresses[:min(n, firstFew)]))
		}
	}
	m.roster.Logger().Info("pool changed", fields...)
}
