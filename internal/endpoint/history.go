package endpoint

import (
	"sync"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// HistoryEntry is a change of a pool.
type HistoryEntry struct {
	// Revision numbers the changes of a pool since the start of Caddy, from 1.
	Revision uint64 `json:"revision"`

	// Time is when it happened.
	Time time.Time `json:"time"`

	// Kind is membership, state, override, control or config.
	Kind HistoryKind `json:"kind"`

	// Address is that of the endpoint; empty for a change of the pool.
	Address string `json:"address,omitempty"`

	// Event says what happened: the name of an event, or what an operator decided.
	Event string `json:"event,omitempty"`

	// Reason says why.
	Reason string `json:"reason,omitempty"`

	// By is the remote identity of the operator.
	By string `json:"by,omitempty"`

	// To is the revision to which an operator went back.
	To uint64 `json:"to,omitempty"`

	// Endpoints is the number of endpoints in the list after a change of the membership.
	Endpoints *int `json:"endpoints,omitempty"`

	// Added, Removed and Changed are the numbers of endpoints, and the first few of them.
	Added   *Addresses `json:"added,omitempty"`
	Removed *Addresses `json:"removed,omitempty"`
	Changed *Addresses `json:"changed,omitempty"`

	// Rollback is whether the pool can go back to the membership after this change.
	Rollback bool `json:"rollback,omitempty"`

	undo *undo // of a change of the membership, as long as it is known
}

// Addresses are endpoints of a change.
type Addresses struct {
	// Count is their number.
	Count int `json:"count"`

	// First are the first few of them.
	First []string `json:"first"`
}

// HistoryKind is what a change is about.
type HistoryKind string

// The kinds of changes.
const (
	KindMembership HistoryKind = "membership" // of the list
	KindState      HistoryKind = "state"      // of an endpoint or of the pool
	KindOverride   HistoryKind = "override"   // of what an operator decided about an endpoint
	KindControl    HistoryKind = "control"    // of what an operator decided about the pool
	KindConfig     HistoryKind = "config"     // of the definition of the pool
)

const (
	// maxHistory is the number of changes that a pool remembers.
	maxHistory = 256

	// maxUndo bounds the endpoints that the history of a pool keeps for rollbacks.
	maxUndo = 20_000

	// maxAddresses is the number of addresses of a change that are kept for display.
	maxAddresses = 10
)

// undo is what undoes a change of the membership.
type undo struct {
	added    []string
	replaced []listing.Info // the removed endpoints, and the changed ones as they were
}

func (u *undo) size() int { return len(u.added) + len(u.replaced) }

// history is the last changes of a pool. It belongs to the pool, so that reloads do not clear it.
type history struct {
	mu        sync.Mutex
	last      uint64
	entries   []HistoryEntry // oldest first
	undoSize  int            // of all entries
	listeners map[chan struct{}]struct{}
}

// record adds a change that the roster saw. Those of a definition that is being replaced are not
// recorded, because the newer roster sees the same.
func (r *Roster) record(e HistoryEntry) {
	if r.IsCurrent() {
		r.pool.history.add(e)
	}
}

func (h *history) add(e HistoryEntry) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last++
	e.Revision, e.Time = h.last, time.Now()
	if e.undo != nil {
		h.undoSize += e.undo.size()
	}
	if len(h.entries) == maxHistory {
		h.forgetUndo(&h.entries[0])
		h.entries[0] = HistoryEntry{}
		h.entries = h.entries[1:]
	}
	h.entries = append(h.entries, e)
	for i := 0; h.undoSize > maxUndo; i++ {
		h.forgetUndo(&h.entries[i])
	}
	for listener := range h.listeners {
		select {
		case listener <- struct{}{}:
		default:
		}
	}
}

func (h *history) forgetUndo(e *HistoryEntry) {
	if e.undo != nil {
		h.undoSize -= e.undo.size()
		e.undo = nil
	}
}

// since returns the changes after a revision, oldest first.
func (h *history) since(revision uint64) []HistoryEntry {
	h.mu.Lock()
	defer h.mu.Unlock()
	first := h.firstReachable()
	var found []HistoryEntry
	for i, e := range h.entries {
		if e.Revision > revision {
			e.Rollback, e.undo = i >= first && e.Kind == KindMembership, nil
			found = append(found, e)
		}
	}
	return found
}

// firstReachable returns the index of the first entry whose membership can be restored: all later
// changes of the membership can be undone.
func (h *history) firstReachable() int {
	for i := len(h.entries) - 1; i >= 0; i-- {
		if e := &h.entries[i]; e.Kind == KindMembership && e.undo == nil {
			return i
		}
	}
	return 0
}

// membershipAt returns the list after a revision, given the list now.
func (h *history) membershipAt(revision uint64, now *Snapshot) (infos []listing.Info, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	first := h.firstReachable()
	if len(h.entries) == 0 || revision < h.entries[first].Revision || revision > h.last {
		return nil, false
	}
	byAddress := make(map[string]listing.Info, len(now.Members))
	for i := range now.Members {
		byAddress[now.Members[i].Address()] = *now.Members[i].Info
	}
	for i := len(h.entries) - 1; i >= 0 && h.entries[i].Revision > revision; i-- {
		if u := h.entries[i].undo; u != nil {
			for _, address := range u.added {
				delete(byAddress, address)
			}
			for _, info := range u.replaced {
				byAddress[info.Address] = info
			}
		}
	}
	return sortedInfos(byAddress), true
}
