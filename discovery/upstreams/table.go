package upstreams

import (
	"slices"
	"sync"
)

// provisioned holds the sources of all configs by their definition, oldest first. A module lives as
// long as the config that provisioned it, but a source runs on through reloads that do not change
// its pool. It therefore looks up the module of the config in force. Loading a module of its own
// instead would give the module a life that Caddy's modules are not made for, and would double the
// watchers of some modules.
var provisioned = table{byDefinition: make(map[string][]*Source)}

type table struct {
	mu           sync.Mutex
	byDefinition map[string][]*Source
}

func (t *table) add(s *Source) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.byDefinition[s.definition] = append(t.byDefinition[s.definition], s)
}

func (t *table) remove(s *Source) {
	t.mu.Lock()
	defer t.mu.Unlock()
	left := slices.DeleteFunc(t.byDefinition[s.definition], func(other *Source) bool { return other == s })
	t.byDefinition[s.definition] = left
	if len(left) == 0 {
		delete(t.byDefinition, s.definition)
	}
}

// find returns the oldest source whose config has not ended. A newer config may not have started
// its apps yet, and may still fail to start.
func (t *table) find(definition string) *Source {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range t.byDefinition[definition] {
		if s.config.Err() == nil {
			return s
		}
	}
	return nil
}
