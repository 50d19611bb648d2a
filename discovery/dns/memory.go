package dns

import (
	"cmp"
	"fmt"
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

// remember stores the addresses of an answer and returns them.
func (l *lookup) remember(q question, records []dns.RR) []netip.Addr {
	var addresses []netip.Addr
	for _, record := range records {
		addresses = append(addresses, addressOf(record))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fresh[q] = addresses
	return addresses
}

// recall returns the last addresses of questions that failed with err, and records the failure.
func (l *lookup) recall(name string, kinds []uint16, err error) (addresses []netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, kind := range kinds {
		q := question{name, kind}
		l.fresh[q] = l.last[q]
		addresses = append(addresses, l.last[q]...)
	}
	if len(addresses) > 0 {
		err = fmt.Errorf("its last addresses stay: %w", err)
	}
	l.failed = append(l.failed, discovery.Dropped{Key: strings.TrimSuffix(name, "."), Err: err})
	return addresses
}

// failures returns the recorded failures, sorted so that their order is the same each time.
func (l *lookup) failures() []discovery.Dropped {
	l.mu.Lock()
	defer l.mu.Unlock()
	slices.SortFunc(l.failed, func(a, b discovery.Dropped) int {
		return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.Err.Error(), b.Err.Error()))
	})
	return l.failed
}
