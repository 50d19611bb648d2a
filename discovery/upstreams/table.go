package upstreams

import (
	"slices"
	"sync"
)

// hosted are the sources that hold an upstream source module, by what defines them, oldest first. A module
// lives as long as the config that provisioned it, while a source runs on through reloads that leave its
// pool alone; loading the module once more for the source would give it a life that Caddy's modules
// are not made for, and twice the watchers to those that have some.
var hosted = hostedTable{byDefinition: make(map[string][]*Source)}

type hostedTable struct {
	mu           sync.Mutex
	byDefinition map[string][]*Source
}

func (t *hostedTable) add(s *Source) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.byDefinition[s.definition] = append(t.byDefinition[s.definition], s)
}

func (t *hostedTable) remove(s *Source) {
	t.mu.Lock()
	defer t.mu.Unlock()
	left := slices.DeleteFunc(t.byDefinition[s.definition], func(other *Source) bool { return other == s })
	t.byDefinition[s.definition] = left
	if len(left) == 0 {
		delete(t.byDefinition, s.definition)
	}
}

// find takes the oldest whose config has not ended, since a new config may not have started its
// apps yet, and may still fail to.
func (t *hostedTable) find(definition string) *Source {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range t.byDefinition[definition] {
		if s.config.Err() == nil {
			return s
		}
	}
	return nil
}
