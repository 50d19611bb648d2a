package lbpolicy

import "net/http"

// answerField is a session that clients get by a field of the answer.
type answerField struct {
	carrier     carrier
	writer      http.ResponseWriter
	name, value string
}

// Commit implements attempt.Change.
func (f *answerField) Commit() { f.writer.Header().Add(f.name, f.value) }

// Revert implements attempt.Change.
func (f *answerField) Revert() { f.carrier.takeBack(f.writer) }

// tableChange is the sessions that a table has for a request.
type tableChange struct {
	table    *sessionTable
	sessions []changedSession
}

// changedSession is a session that is reverted only as long as no other request relies on it.
type changedSession struct {
	key    sessionKey
	number uint64  // of the change
	before session // without a token if there was none
}

// Commit implements attempt.Change. The table has the session already.
func (*tableChange) Commit() {}

// Revert implements attempt.Change.
func (c *tableChange) Revert() {
	for _, s := range c.sessions {
		c.table.revert(s)
	}
}

// revert gives a key the session that it had before a change.
func (t *sessionTable) revert(c changedSession) {
	p := t.part(c.key)
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := p.byKey[c.key]; {
	case e == nil || e.change != c.number:
	case c.before.token == "":
		p.remove(e)
	default:
		p.give(e, c.before)
		e.change = 0
	}
}
