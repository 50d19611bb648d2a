package dns

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/sync/errgroup"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/recovered"
)

const (
	// parallelQuestions is the maximum number of questions that are asked at once. So many fit into
	// the receive buffer of a socket, and a few that get no answer do not delay the others.
	parallelQuestions = 64

	// maxAddresses is far beyond any pool. The targets of one message could have millions of
	// addresses.
	maxAddresses = 1 << 16
)

// lookup is one look-up of one name: one or two questions, and more for the targets of SRV records.
type lookup struct {
	source *Source
	name   string
	query  query
	kinds  []uint16 // the record types of addresses

	last     memory            // the addresses of the previous look-up
	troubled map[question]bool // the questions that failed in it

	mu      sync.Mutex
	ttl     uint32         // the smallest one so far
	uses    map[string]int // how many targets have a name
	total   int            // the number of addresses of all targets so far
	targets []srvTarget
	known   map[string][]netip.Addr // by target: the addresses that came with the SRV records
	fresh   memory
	failed  map[question]failure
}

// failure is why a question has no whole answer, and the part of the answer that came.
type failure struct {
	err  error
	part []netip.Addr
}

func (s *Source) newLookup(name string, servers []*server, troubled map[question]bool) *lookup {
	return &lookup{
		source: s, name: name,
		query: query{servers: servers, timeout: time.Duration(s.Timeout), tcp: s.TCP, left: newQuota()},
		kinds: families[s.IP],
		ttl:   math.MaxUint32,
		last:  s.last, troubled: troubled,
		fresh: make(memory), failed: make(map[question]failure),
	}
}

// run returns the endpoints of the name. With an error, they are the part of the list that came.
func (l *lookup) run(ctx context.Context) (discovery.Answer, error) {
	names := []string{l.name}
	var cut error // why the SRV records are only a part
	if l.source.Type == "srv" {
		var records answer
		records, cut = l.resolve(ctx, question{l.name, dns.TypeSRV})
		if cut != nil && (len(records.records) == 0 || l.source.listed) {
			l.failed[question{l.name, dns.TypeSRV}] = failure{err: cut}
			return discovery.Answer{}, cut
		}
		if isNotOffered(records.records) {
			none := new(discovery.AnswerBuilder).Answer()
			none.Authoritative = cut == nil
			return none, cut
		}
		if l.source.KeepNames {
			return nameEndpoints(records.records), cut
		}
		names = l.setTargets(records)
	}
	l.askAll(ctx, names)
	if err := ctx.Err(); err != nil {
		return discovery.Answer{}, err // otherwise half an answer could pass for a whole one
	}
	if err := l.exceeded(); err != nil {
		return discovery.Answer{}, err
	}
	err := l.settle(names)
	if err := l.exceeded(); err != nil {
		return discovery.Answer{}, err
	}
	if err = cmp.Or(cut, err); err != nil && l.source.listed {
		return discovery.Answer{}, err
	}
	return l.endpoints(), err
}

// endpoints makes endpoints of what is known so far.
func (l *lookup) endpoints() discovery.Answer {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.source.Type == "a" {
		only := []srvTarget{{}}
		only[0].addresses, _ = l.addresses(l.name)
		l.leaveOut(only)
		return addressEndpoints(l.name, only[0].addresses, l.source.Port)
	}
	targets := slices.Clone(l.targets)
	for i := range targets {
		t := &targets[i]
		var whole bool
		if t.addresses = l.known[t.name]; t.addresses == nil {
			t.addresses, whole = l.addresses(t.name)
			t.unresolved = !whole
		}
	}
	l.leaveOut(targets)
	return targetEndpoints(targets)
}

// leaveOut removes addresses that cannot be reached, if the source is to find that out.
func (l *lookup) leaveOut(targets []srvTarget) {
	if l.source.IP == "auto" {
		(&routes{has: l.source.hasRoute}).leaveOut(targets)
	}
}

// addresses returns what is known of the addresses of a name, and whether that is all of them.
func (l *lookup) addresses(name string) (all []netip.Addr, whole bool) {
	whole = true
	for _, kind := range l.kinds {
		q := question{name, kind}
		addresses, answered := l.fresh[q]
		_, failed := l.failed[q]
		all, whole = append(all, addresses...), whole && answered && !failed
	}
	return sortUnique(all), whole
}

// exceeded returns an error if there are more replies or addresses than there may be.
func (l *lookup) exceeded() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.total > maxAddresses {
		return fmt.Errorf("the targets have more than %d addresses", maxAddresses)
	}
	return l.query.left.exceeded()
}

// count counts addresses of a name for each target that has it.
func (l *lookup) count(name string, addresses int) { l.total += addresses * max(1, l.uses[name]) }

// setTargets keeps the targets, and returns the names that are still to be resolved.
func (l *lookup) setTargets(srv answer) (missing []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.targets, l.known = srvTargets(srv.records), l.additional(srv.extra)
	l.uses = make(map[string]int, len(l.targets))
	for _, t := range l.targets {
		l.uses[t.name]++
	}
	for name, uses := range l.uses {
		if l.known[name] == nil {
			missing = append(missing, name)
		}
		l.total += uses * len(l.known[name])
	}
	slices.Sort(missing)
	return missing
}

// askAll asks for the addresses of all names at once. What failed in the previous look-up is asked
// last. Of many questions without an answer, no more are waited for than the time of one allows.
func (l *lookup) askAll(ctx context.Context, names []string) {
	ctx, cancel := context.WithTimeoutCause(ctx, l.query.budget(), errSilent)
	defer cancel()
	var first, last []question
	for _, kind := range l.kinds {
		for _, name := range names {
			q := question{name, kind}
			if l.troubled[q] {
				last = append(last, q)
			} else {
				first = append(first, q)
			}
		}
	}
	var group errgroup.Group // without errors, because one failure does not end the others
	group.SetLimit(parallelQuestions)
	for _, q := range append(first, last...) {
		group.Go(func() error {
			if l.exceeded() != nil {
				return nil
			}
			var found answer
			err := recovered.Call("the look-up", func() (err error) {
				found, err = l.resolve(ctx, q)
				return err
			})
			l.keep(q, found.records, err)
			return nil
		})
	}
	_ = group.Wait()
}

// resolve asks one question, and lowers the look-up's TTL to that of the answer.
func (l *lookup) resolve(ctx context.Context, q question) (answer, error) {
	ask := l.query.ask
	if l.troubled[q] {
		ask = l.query.askOnce
	}
	found, err := resolve(ctx, q, ask)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil || len(found.records) > 0 {
		l.ttl = min(l.ttl, found.ttl)
	}
	return found, err
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
				l.ttl = min(l.ttl, h.Ttl)
			}
		}
	}
	for name, addresses := range known {
		known[name] = sortUnique(addresses)
	}
	return known
}

// sortUnique sorts addresses, because servers rotate theirs.
func sortUnique(addresses []netip.Addr) []netip.Addr {
	slices.SortFunc(addresses, netip.Addr.Compare)
	return slices.Compact(addresses)
}
