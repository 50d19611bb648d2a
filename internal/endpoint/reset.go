package endpoint

// Reset forgets the latency, the failures and the ejections of a member, as after a repair.
func (r *Roster) Reset(m *Member, by string) {
	m.Load.Forget()
	if o := r.pool.observer.Load(); o != nil {
		(*o).Forget(m.Endpoint)
	}
	r.record(HistoryEntry{Kind: KindOverride, Address: m.Address(), Event: "reset", By: by})
	r.recomputeNow()
}
