package dns

import (
	"context"
	"fmt"
	"maps"
	"math"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/sync/errgroup"

	"github.com/caddy-balance/caddy-balance/discovery"
)

const (
	// parallelLookups is the maximum number of targets that are resolved at once. With it a
	// resolver in the same network answers some hundred targets in a fraction of a second and is
	// not flooded.
	parallelLookups = 8

	// maxAddresses is far beyond any pool. The targets of one message could have millions of
	// addresses.
	maxAddresses = 1 << 16
)

// lookup is one look-up of a source: one or two questions, and more for the targets of SRV records.
type lookup struct {
	query query
	kinds []uint16 // the record types of addresses

	last memory // the answers of the previous look-up

	mu     sync.Mutex
	ttl    uint32 // the smallest one so far
	fresh  memory
	failed []discovery.Dropped
}

func (s *Source) newLookup(resolvers []string) *lookup {
	return &lookup{
		query: query{resolvers: resolvers, timeout: time.Duration(s.Timeout)},
		kinds: families[s.IP],
		ttl:   math.MaxUint32,
		last:  s.last,
		fresh: make(memory),
	}
}

// find returns the endpoints of one name.
func (l *lookup) find(ctx context.Context, s *Source, name string) (discovery.Answer, error) {
	if s.Type == "a" {
		addresses, err := l.addresses(ctx, name)
		return addressEndpoints(addresses, s.Port), err
	}
	records, err := l.resolve(ctx, name, dns.TypeSRV)
	if err != nil || isNotOffered(records.records) {
		none := new(discovery.AnswerBuilder).Answer()
		none.Authoritative = err == nil
		return none, err
	}
	if s.KeepNames {
		return nameEndpoints(records.records), nil
	}
	targets, err := l.targets(ctx, records)
	return targetEndpoints(targets), err
}

// resolve asks one question, and lowers the look-up's TTL to that of the answer.
func (l *lookup) resolve(ctx context.Context, name string, kind uint16) (answer, error) {
	found, err := l.query.resolve(ctx, name, kind)
	if err == nil {
		l.lowerTTL(found.ttl)
	}
	return found, err
}

func (l *lookup) lowerTTL(ttl uint32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ttl = min(l.ttl, ttl)
}

// addresses returns the addresses of all kinds. It fails if there are none and a question failed.
func (l *lookup) addresses(ctx context.Context, name string) ([]netip.Addr, error) {
	var all []netip.Addr
	failed := make(map[uint16]error)
	for _, kind := range l.kinds {
		found, err := l.resolve(ctx, name, kind)
		if err != nil {
			failed[kind] = err
			continue
		}
		all = append(all, l.remember(question{name, kind}, found.records)...)
	}
	for _, kind := range l.kinds {
		switch err := failed[kind]; {
		case err == nil:
		case len(all) == 0:
			return nil, err
		default:
			all = append(all, l.recall(name, []uint16{kind}, err)...)
		}
	}
	return sortUnique(all), nil
}

// sortUnique sorts addresses, because servers rotate theirs.
func sortUnique(addresses []netip.Addr) []netip.Addr {
	slices.SortFunc(addresses, netip.Addr.Compare)
	return slices.Compact(addresses)
}

// targets resolves the targets of SRV records, each name once. It fails if no target could be
// resolved.
func (l *lookup) targets(ctx context.Context, srv answer) ([]srvTarget, error) {
	known := l.additional(srv.extra)
	targets, missing := srvTargets(srv.records), make(map[string][]netip.Addr)
	for _, t := range targets {
		if known[t.name] == nil {
			missing[t.name] = nil
		}
	}
	failed := l.resolveAll(ctx, missing)
	for _, name := range slices.Sorted(maps.Keys(failed)) {
		if len(failed) == len(missing) && len(known) == 0 {
			return nil, failed[name]
		}
		missing[name] = l.recall(name, l.kinds, failed[name])
	}
	total := 0
	for i := range targets {
		t := &targets[i]
		if t.addresses = known[t.name]; t.addresses == nil {
			t.addresses, t.failed = missing[t.name], failed[t.name] != nil
		}
		if total += len(t.addresses); total > maxAddresses {
			return nil, fmt.Errorf("the targets have more than %d addresses", maxAddresses)
		}
	}
	return targets, nil
}

// resolveAll finds the addresses of all names. One failure does not end the others, so the group
// gets no errors.
func (l *lookup) resolveAll(ctx context.Context, names map[string][]netip.Addr) (failed map[string]error) {
	var mu sync.Mutex
	var group errgroup.Group
	group.SetLimit(parallelLookups)
	failed = make(map[string]error)
	for _, name := range slices.Collect(maps.Keys(names)) { // a copy, because the goroutines write to names
		group.Go(func() error {
			addresses, err := l.addresses(ctx, name)
			mu.Lock()
			defer mu.Unlock()
			if names[name] = addresses; err != nil {
				failed[name] = err
			}
			return nil
		})
	}
	_ = group.Wait()
	return failed
}

// additional reads the addresses of the additional section. If the section has one address of a
// name, it has all of that type, because RFC 2181 (section 9) does not allow partial sets of
// records.
func (l *lookup) additional(extra []dns.RR) map[string][]netip.Addr {
	known := make(map[string][]netip.Addr)
	for _, kind := range l.kinds {
		for _, record := range extra {
			if h := record.Header(); h.Rrtype == kind && h.Class == dns.ClassINET {
				name := dns.CanonicalName(h.Name)
				known[name] = append(known[name], addressOf(record))
				l.lowerTTL(h.Ttl)
			}
		}
	}
	for name, addresses := range known {
		known[name] = sortUnique(addresses)
	}
	return known
}
