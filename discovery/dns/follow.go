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
	// resolvConf says which resolvers the system uses.
	resolvConf = "/etc/resolv.conf"

	// dnsParallel is how many targets are resolved at once. A resolver in the same network
	// answers some hundred targets in a fraction of a second so, and is not flooded.
	dnsParallel = 8

	// mostAddresses is far beyond any pool. The targets of one message could have millions.
	mostAddresses = 1 << 16
)

// dnsLookup is one look-up of a source.
type dnsLookup struct {
	query dnsQuery
	kinds []uint16 // of addresses

	last dnsMemory // of the look-up before

	mu     sync.Mutex
	ttl    uint32 // the smallest one so far
	fresh  dnsMemory
	failed []discovery.Dropped
}

// lookUp gives the endpoints and for how long they hold.
func (s *Source) lookUp(ctx context.Context) (discovery.Answer, uint32, error) {
	names, resolvers, err := s.names(resolvConf)
	if err != nil {
		return discovery.Answer{}, 0, err
	}
	l := dnsLookup{
		query: dnsQuery{resolvers: resolvers, timeout: time.Duration(s.Timeout)},
		kinds: families[s.IP],
		ttl:   math.MaxUint32,
		last:  s.last,
		fresh: make(dnsMemory),
	}
	for _, name := range names {
		// An error ends it: the next name may be another service.
		answer, err := l.find(ctx, s, name)
		if err == nil {
			err = ctx.Err() // or half an answer would pass for a whole one
		}
		if err != nil {
			return discovery.Answer{}, 0, err
		}
		answer.Dropped = append(answer.Dropped, l.failures()...)
		if len(answer.Endpoints)+len(answer.Dropped) > 0 || answer.Authoritative {
			s.last = l.fresh
			return answer, l.ttl, nil
		}
	}
	return new(discovery.AnswerBuilder).Answer(), l.ttl, nil
}

func (l *dnsLookup) find(ctx context.Context, s *Source, name string) (discovery.Answer, error) {
	if s.Type == "a" {
		addresses, err := l.addresses(ctx, name)
		return gatherAddresses(addresses, s.Port), err
	}
	answer, err := l.resolve(ctx, name, dns.TypeSRV)
	if err != nil || isNotOffered(answer.records) {
		return discovery.Answer{Authoritative: err == nil, Endpoints: new(discovery.AnswerBuilder).Answer().Endpoints}, err
	}
	if s.KeepNames {
		return gatherNames(answer.records), nil
	}
	targets, err := l.targets(ctx, answer)
	return gatherTargets(targets), err
}

// resolve also keeps the smallest TTL.
func (l *dnsLookup) resolve(ctx context.Context, name string, kind uint16) (dnsAnswer, error) {
	answer, err := l.query.resolve(ctx, name, kind)
	if err == nil {
		l.hold(answer.ttl)
	}
	return answer, err
}

func (l *dnsLookup) hold(ttl uint32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ttl = min(l.ttl, ttl)
}

// addresses are those of all kinds. It fails if there is none and not every kind was answered.
func (l *dnsLookup) addresses(ctx context.Context, name string) ([]netip.Addr, error) {
	var all []netip.Addr
	failed := make(map[uint16]error)
	for _, kind := range l.kinds {
		answer, err := l.resolve(ctx, name, kind)
		if err != nil {
			failed[kind] = err
			continue
		}
		all = append(all, l.remember(dnsQuestion{name, kind}, answer.records)...)
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
	return distinct(all), nil
}

// distinct has an order of its own, because servers rotate theirs.
func distinct(addresses []netip.Addr) []netip.Addr {
	slices.SortFunc(addresses, netip.Addr.Compare)
	return slices.Compact(addresses)
}

// targets resolves the targets of SRV records, each name once. It fails if none of them could be resolved.
func (l *dnsLookup) targets(ctx context.Context, answer dnsAnswer) ([]srvTarget, error) {
	known := l.additional(answer.extra)
	targets, missing := srvTargets(answer.records), make(map[string][]netip.Addr)
	for _, t := range targets {
		if known[t.name] == nil {
			missing[t.name] = nil
		}
	}
	failed := l.fill(ctx, missing)
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
		if total += len(t.addresses); total > mostAddresses {
			return nil, fmt.Errorf("the targets have more than %d addresses", mostAddresses)
		}
	}
	return targets, nil
}

// fill finds the addresses of all names. One that fails does not end the others, so errors are not the group's.
func (l *dnsLookup) fill(ctx context.Context, names map[string][]netip.Addr) (failed map[string]error) {
	var mu sync.Mutex
	var group errgroup.Group
	group.SetLimit(dnsParallel)
	failed = make(map[string]error)
	for _, name := range slices.Collect(maps.Keys(names)) { // a copy, since names is written meanwhile
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

// additional takes the section to have all addresses of a name if it has one of the wanted kinds: RFC 2181 (section 9) wants sets
// of records whole.
func (l *dnsLookup) additional(extra []dns.RR) map[string][]netip.Addr {
	known := make(map[string][]netip.Addr)
	for _, kind := range l.kinds {
		for _, record := range extra {
			if h := record.Header(); h.Rrtype == kind && h.Class == dns.ClassINET {
				name := dns.CanonicalName(h.Name)
				known[name] = append(known[name], addressOf(record))
				l.hold(h.Ttl)
			}
		}
	}
	for name, addresses := range known {
		known[name] = distinct(addresses)
	}
	return known
}
