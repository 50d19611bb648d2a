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

// dnsQuestion is one of the questions that a look-up asks.
type dnsQuestion struct {
	name string
	kind uint16
}

// dnsMemory is what questions were answered last. Some servers fail to answer AAAA, and of many targets one may be broken:
// neither must keep the others from being followed, nor cost its own endpoints.
type dnsMemory map[dnsQuestion][]netip.Addr

// remember takes in an answer.
func (l *dnsLookup) remember(q dnsQuestion, records []dns.RR) []netip.Addr {
	var addresses []netip.Addr
	for _, record := range records {
		addresses = append(addresses, addressOf(record))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fresh[q] = addresses
	return addresses
}

// recall gives the last answers instead of those that failed with err, and notes the failure.
func (l *dnsLookup) recall(name string, kinds []uint16, err error) (addresses []netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, kind := range kinds {
		q := dnsQuestion{name, kind}
		l.fresh[q] = l.last[q]
		addresses = append(addresses, l.last[q]...)
	}
	if len(addresses) > 0 {
		err = fmt.Errorf("its last addresses stay: %w", err)
	}
	l.failed = append(l.failed, discovery.Dropped{Key: strings.TrimSuffix(name, "."), Err: err})
	return addresses
}

// failures are the answers that failed beside others, in an order of their own.
func (l *dnsLookup) failures() []discovery.Dropped {
	l.mu.Lock()
	defer l.mu.Unlock()
	slices.SortFunc(l.failed, func(a, b discovery.Dropped) int {
		return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.Err.Error(), b.Err.Error()))
	})
	return l.failed
}
