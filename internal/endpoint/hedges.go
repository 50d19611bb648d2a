package endpoint

import "sync/atomic"

// HedgeResult is what became of a second attempt that a request made because the first took long.
type HedgeResult uint8

// The results of hedges.
const (
	HedgeWon     HedgeResult = iota // its answer came first
	HedgeBeaten                     // the first attempt was answered first, or it failed
	HedgeRefused                    // it was not sent, because of the budget

	HedgeResultCount = iota
)

// String returns the result in metrics and logs.
func (r HedgeResult) String() string { return [...]string{"won", "lost", "refused"}[r] }

// hedgeCredit is the budget of a pool for hedges, in parts of one. Each request adds its share, and
// each hedge takes one.
type hedgeCredit struct{ parts atomic.Int64 }

const (
	hedgeParts = 1_000_000

	// maxHedgeCredit is how many hedges a quiet time saves up.
	maxHedgeCredit = 10 * hedgeParts
)

// EarnHedge adds a share of a hedge to the budget of the endpoint's pool, for a request.
func (e *Endpoint) EarnHedge(share float64) {
	credit := &e.pool.hedgeCredit.parts
	if credit.Load() < maxHedgeCredit { // requests that come together may exceed it by their shares
		credit.Add(int64(share * hedgeParts))
	}
}

// SpendHedge takes a hedge from the budget, and reports whether there was enough.
func (e *Endpoint) SpendHedge() bool {
	credit := &e.pool.hedgeCredit.parts
	for {
		now := credit.Load()
		if now < hedgeParts {
			return false
		}
		if credit.CompareAndSwap(now, now-hedgeParts) {
			return true
		}
	}
}

// ReturnHedge gives back what SpendHedge took, because no hedge was sent.
func (e *Endpoint) ReturnHedge() { e.pool.hedgeCredit.parts.Add(hedgeParts) }

// CountHedge counts what became of a hedge.
func (e *Endpoint) CountHedge(r HedgeResult) { e.pool.traffic.hedges[r].Add(1) }

// Hedges returns the number of hedges by what became of them.
func (p *Pool) Hedges(r HedgeResult) uint64 { return p.traffic.hedges[r].Load() }

// Hedges returns the number of hedges in the roster's pool by what became of them.
func (r *Roster) Hedges(result HedgeResult) uint64 { return r.pool.Hedges(result) }

// IsOf reports whether the endpoint belongs to the pool of a roster.
func (e *Endpoint) IsOf(r *Roster) bool { return e.pool == r.pool }
