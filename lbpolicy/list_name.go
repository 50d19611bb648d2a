package lbpolicy

import "encoding/json"

// listName returns a text that is the same in every config that has the upstreams from the same
// place: the name of a pool, another source, or a list.
func (s *selector) listName() string {
	if s.handler == nil {
		return ""
	}
	var source struct{ Source, Name string }
	if json.Unmarshal(s.handler.DynamicUpstreamsRaw, &source) == nil && source.Source == "pool" {
		return "pool " + source.Name
	}
	name := string(s.handler.DynamicUpstreamsRaw)
	for _, u := range s.handler.Upstreams {
		name += " " + u.Dial
	}
	return name
}
