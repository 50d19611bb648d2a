package endpoint

import "github.com/caddy-balance/caddy-balance/internal/listing"

// Change says how a list differs from the list before it, by address.
type Change struct{ Added, Removed, Changed []string }

// Empty reports whether nothing changed.
func (c Change) Empty() bool { return len(c.Added)+len(c.Removed)+len(c.Changed) == 0 }

// diff compares a new list with the old one. It is the only place where lists are compared.
func diff(old *Snapshot, infos []listing.Info) Change {
	var c Change
	present := make(map[string]struct{}, len(infos))
	for i := range infos {
		present[infos[i].Address] = struct{}{}
		switch before := old.Find(infos[i].Address); {
		case before == nil:
			c.Added = append(c.Added, infos[i].Address)
		case !before.Info.Equal(&infos[i]):
			c.Changed = append(c.Changed, infos[i].Address)
		}
	}
	for i := range old.Members {
		if _, ok := present[old.Members[i].Address()]; !ok {
			c.Removed = append(c.Removed, old.Members[i].Address())
		}
	}
	return c
}

// reordered reports whether the lists differ in order or number although they hold the same
// addresses. That matters for static upstreams, which are joined with members by position.
func reordered(old *Snapshot, infos []listing.Info) bool {
	if len(old.Members) != len(infos) {
		return true
	}
	for i := range infos {
		if old.Members[i].Address() != infos[i].Address {
			return true
		}
	}
	return false
}
