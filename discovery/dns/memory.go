package dns

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/caddy-balance/caddy-balance/discovery"
)

// question is a name and a record type.
type question struct {
	name string
	kind uint16
}

// memory holds the last addresses of each question. It stands in for questions that fail beside
// others: some servers never answer AAAA, and one of many targets may be broken. Such a failure
// must not remove endpoints, and must not keep the source from following the other answers.
type memory map[question][]netip.Addr

// keep stores the addresses of an answer, or why there is no whole answer.
func (l *lookup) keep(q question, records []dns.RR, err error) {
	addresses := make([]netip.Addr, 0, len(records))
	for _, record := range records {
		addresses = append(addresses, addressOf(record))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count(q.name, len(addresses))
	if err != nil {
		l.failed[q] = failure{err, addresses}
		return
	}
	l.fresh[q] = addresses
}

// settle lets the last addresses of questions that failed stand in for them, or if there are none,
// the part that came. It returns an error if no question has an answer with addresses and one
// failed.
func (l *lookup) settle(names []string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	works := len(l.known) > 0
	for _, addresses := range l.fresh {
		works = works || len(addresses) > 0
	}
	var first error
	for _, name := range names {
		for _, kind := range l.kinds {
			q := question{name, kind}
			failed, found := l.failed[q]
			if !found {
				continue
			}
			first = cmp.Or(first, failed.err)
			l.fresh[q] = l.last[q]
			l.count(name, len(l.last[q]))
			if len(l.last[q]) == 0 {
				l.fresh[q] = failed.part
			}
		}
	}
	if works {
		return nil
	}
	return first
}

// remembered returns the addresses for the next look-up. Parts of answers are not among them.
func (l *lookup) remembered() memory {
	for q := range l.failed {
		if len(l.last[q]) == 0 {
			delete(l.fresh, q)
		}
	}
	for name, addresses := range l.known {
		for _, address := range addresses {
			q := question{name, dns.TypeAAAA}
			if address.Is4() {
				q.kind = dns.TypeA
			}
			l.fresh[q] = append(l.fresh[q], address)
		}
	}
	return l.fresh
}

// dropped returns what failed, one entry for each name.
func (l *lookup) dropped() []discovery.Dropped {
	questions := slices.SortedFunc(maps.Keys(l.failed), func(a, b question) int {
		return cmp.Or(
			cmp.Compare(a.name, b.name), cmp.Compare(len(l.last[b]), len(l.last[a])), cmp.Compare(a.kind, b.kind))
	})
	var all []discovery.Dropped
	for _, q := range slices.CompactFunc(questions, func(a, b question) bool { return a.name == b.name }) {
		failed := l.failed[q]
		err := failed.err
		switch {
		case len(l.last[q]) > 0:
			err = fmt.Errorf("its last addresses stay: %w", err)
		case len(failed.part) > 0:
			err = fmt.Errorf("its addresses are not complete: %w", err)
		}
		all = append(all, discovery.Dropped{Key: strings.TrimSuffix(q.name, "."), Err: err})
	}
	return all
}

// unanswered returns an entry for each name that has no whole answer yet.
func (l *lookup) unanswered() []discovery.Dropped {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []discovery.Dropped
	for _, name := range l.names() {
		if _, whole := l.addresses(name); !whole {
			all = append(all, discovery.Dropped{
				Key: strings.TrimSuffix(name, "."), Err: errors.New("its addresses are not complete yet"),
			})
		}
	}
	return all
}

// names returns the names whose addresses are asked for.
func (l *lookup) names() (names []string) {
	if l.source.Type == "a" {
		return []string{l.name}
	}
	for i := range l.targets {
		if name := l.targets[i].name; l.known[name] == nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
