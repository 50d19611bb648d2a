package lbpolicy

import (
	"math"
	"sync"
	"sync/atomic"
)

const (
	// visitsPerSlot is how far the table reaches. A slot stays empty with a probability of exp(-5),
	// and all slots of a key with exp(-15). The owner of one key in three million has to be
	// computed.
	visitsPerSlot = 5

	// tableFrom is the number of endpoints from which a table of 4 MiB is worth it, because
	// computing every bid takes 10 ns for each endpoint.
	tableFrom = 33

	// computedBefore is the number of computed bids after which a table is built. It is the number
	// of visits that fill the table, so that the time for a table is never more than the time that
	// was spent without it. A list without picks has no table, and neither has a list that
	// changes before a table would pay, as during a slow start.
	computedBefore = visitsPerSlot * slotCount

	// warmFrom is the number of endpoints from which a pool builds the table at once, as requests
	// can pick from the list before meanwhile. Computing a choice takes several microseconds then,
	// which would add up where a large list changes all the time.
	warmFrom = 256

	// computedSteps is the maximum number of choices that are computed for one pick. Eight full
	// endpoints in a row are rare while others have room.
	computedSteps = 8
)

// bidTable has the highest bid on each slot so far, 0 if there is none.
type bidTable struct {
	first   []uint64
	horizon float64 // the table holds all bids of this speed or faster
}

// lazyTable is the table of a rendezvous, which is built once it pays, or by warm. Look-ups never
// wait for it: until then they compute the same owner.
type lazyTable struct {
	table    atomic.Pointer[bidTable] // nil while there is none
	computed atomic.Int64             // bids so far
	dropped  atomic.Bool
}

// building is held while a table is built, so that building takes one processor at most.
var building sync.Mutex

// countComputed counts the bids of a look-up without the table, and starts to build the table when
// it pays. The goroutine ends with the table, or when the table is dropped.
func (t *lazyTable) countComputed(bidders []bidder) {
	n := int64(len(bidders))
	if sum := t.computed.Add(n); sum >= computedBefore && sum-n < computedBefore && !t.dropped.Load() {
		go t.build(bidders)
	}
}

func (t *lazyTable) build(bidders []bidder) {
	if t.table.Load() != nil {
		return // the first of many reverse proxies has built it
	}
	building.Lock()
	defer building.Unlock()
	if t.table.Load() != nil {
		return
	}
	t.table.Store(newBidTable(bidders, visitsPerSlot, &t.dropped))
	if t.dropped.Load() {
		t.table.Store(nil)
	}
}

// drop implements table. It frees the memory of the bids, even if something still refers to the
// rendezvous, such as the reverse proxy of an old config that a websocket keeps alive.
func (t *lazyTable) drop() {
	t.dropped.Store(true)
	t.table.Store(nil)
}

// newBidTable enters the first visits of all bidders, until each slot has had the given number of
// visits on average. It returns nil if the table is dropped before it is complete.
func newBidTable(bidders []bidder, visits float64, dropped *atomic.Bool) *bidTable {
	if dropped.Load() {
		return nil
	}
	var total float64
	for i := range bidders {
		total += bidders[i].weight
	}
	t := &bidTable{first: make([]uint64, slotCount), horizon: total / (visits * arrivalSteps)}
	for i := range bidders {
		if dropped.Load() {
			return nil
		}
		b := &bidders[i]
		share := -math.Expm1(-b.weight * visits / total) // the part of the slots that is visited by then
		// One more visit for rounding up, and one for the errors of share and exposure. Too many do
		// no harm, but too few would.
		b.visit(t.first, min(slotCount, uint32(share*slotCount)+2))
	}
	return t
}
