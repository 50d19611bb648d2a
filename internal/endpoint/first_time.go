package endpoint

// FirstTime reports whether it is called with this text for the first time. A definition may stand
// in hundreds of places of a config, and the roster that they share makes one warning of hundreds.
func (r *Roster) FirstTime(text string) bool {
	_, said := r.said.LoadOrStore(text, true)
	return !said
}
