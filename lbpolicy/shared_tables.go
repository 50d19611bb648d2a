package lbpolicy

import (
	"slices"
	"sync"

	"github.com/cespare/xxhash/v2"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// shared keeps one table for each list of members that pickers use, however many reverse proxies
// they belong to. A table depends on nothing but the names and weights of the members, so that a
// list in which only metadata changed, and a reload, find the table that exists.
type shared[T table] struct {
	build func(members []endpoint.Member, nodes []node) T

	mu       sync.Mutex
	byNodes  map[uint64][]*sharedTable[T]
	byMember map[*endpoint.Member]*sharedTable[T] // by the first member of the list that asked last
}

// table is what pickers share. Building it must not depend on its first user.
type table interface {
	// drop is called when no picker uses the table. A pick that is under way may still read it.
	drop()
}

// sharedTable is a table with the number of pickers that use it.
type sharedTable[T table] struct {
	among  *shared[T]
	nodes  []node
	sum    uint64
	member *endpoint.Member
	users  int
	once   sync.Once
	table  T
}

func newShared[T table](build func([]endpoint.Member, []node) T) *shared[T] {
	return &shared[T]{
		build: build, byNodes: make(map[uint64][]*sharedTable[T]), byMember: make(map[*endpoint.Member]*sharedTable[T]),
	}
}

// acquire returns the table for a list, and counts one more user. It builds the table if there is
// none, and lets other lists go on meanwhile.
func (s *shared[T]) acquire(members []endpoint.Member) *sharedTable[T] {
	found := s.findByMember(members)
	if found == nil {
		found = s.findByNodes(members, nodesOf(members))
	}
	found.once.Do(func() { found.table = s.build(members, found.nodes) })
	return found
}

// findByMember finds the table of the very same slice, without looking at each member: of many
// reverse proxies that share a pool, all but the first one find it here.
func (s *shared[T]) findByMember(members []endpoint.Member) *sharedTable[T] {
	if len(members) == 0 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.byMember[&members[0]]
	if found != nil {
		found.users++
	}
	return found
}

// findByNodes finds the table of an equal list, or adds one.
func (s *shared[T]) findByNodes(members []endpoint.Member, nodes []node) *sharedTable[T] {
	sum := sumOf(nodes)
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.byNodes[sum], func(t *sharedTable[T]) bool { return slices.Equal(t.nodes, nodes) })
	if i < 0 {
		i = len(s.byNodes[sum])
		s.byNodes[sum] = append(s.byNodes[sum], &sharedTable[T]{among: s, nodes: nodes, sum: sum})
	}
	found := s.byNodes[sum][i]
	found.users++
	if len(members) > 0 {
		delete(s.byMember, found.member)
		found.member = &members[0]
		s.byMember[found.member] = found
	}
	return found
}

// release undoes acquire.
func (t *sharedTable[T]) release() {
	s := t.among
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.users--; t.users > 0 {
		return
	}
	delete(s.byMember, t.member)
	s.byNodes[t.sum] = slices.DeleteFunc(s.byNodes[t.sum], func(o *sharedTable[T]) bool { return o == t })
	if len(s.byNodes[t.sum]) == 0 {
		delete(s.byNodes, t.sum)
	}
	t.table.drop()
}

// nodesOf returns what a table depends on.
func nodesOf(members []endpoint.Member) []node {
	nodes := make([]node, len(members))
	for i := range members {
		nodes[i] = node{hash: xxhash.Sum64String(members[i].Info.Key()), weight: members[i].Weight}
	}
	return nodes
}

// sameNodes reports whether lists with the same endpoints have the same tables.
func sameNodes(a, b []endpoint.Member) bool {
	return slices.EqualFunc(a, b, func(a, b endpoint.Member) bool {
		return a.Endpoint == b.Endpoint && a.Weight == b.Weight && a.Info.Weight == b.Info.Weight &&
			a.Info.Key() == b.Info.Key()
	})
}

func sumOf(nodes []node) (sum uint64) {
	for _, n := range nodes {
		sum = mix(sum ^ n.hash + uint64(n.weight)*golden)
	}
	return sum
}
