package lbpolicy

import (
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/caddy-balance/caddy-balance/internal/attempt"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// NewPicker implements endpoint.Policy.
func (p *Sticky) NewPicker(r *endpoint.Roster, admit endpoint.Admit) endpoint.Picker {
	if p.Cookie != nil {
		p.Cookie.nameFor(r.Name())
	}
	s := &stickyPicker{policy: p, roster: r, admit: admit}
	if guest, ok := p.guest.(endpoint.Policy); ok {
		s.guest = guest.NewPicker(r, admit)
	}
	s.unsubscribe = r.Subscribe(s.prepare)
	s.unwatch = watchSameIDs(r)
	p.pool = s
	return s
}

// stickyPicker picks from the lists of a roster. Requests without a session go to the guest.
type stickyPicker struct {
	policy      *Sticky
	roster      *endpoint.Roster
	admit       endpoint.Admit
	guest       endpoint.Picker // nil if the guest needs the list
	unsubscribe func()
	unwatch     func()

	building sync.Mutex
	current  atomic.Pointer[stickyTable] // nil as long as the keys are not known
}

// stickyTable is a roster's list with the tokens of its endpoints.
type stickyTable struct {
	snapshot *endpoint.Snapshot
	*residents
}

// prepare makes the tokens of a list. They stay as long as the endpoints and their names do.
func (s *stickyPicker) prepare(snapshot *endpoint.Snapshot) {
	if keys := s.policy.knownKeys(); keys != nil {
		s.build(snapshot, keys)
	}
}

func (s *stickyPicker) build(snapshot *endpoint.Snapshot, keys keyring) *stickyTable {
	s.building.Lock()
	defer s.building.Unlock()
	old := s.current.Load()
	if old != nil && old.snapshot == snapshot {
		return old
	}
	next := &stickyTable{snapshot: snapshot}
	if old != nil && old.isOf(snapshot.Members) {
		next.residents = old.residents
	} else {
		next.residents = s.policy.newResidents(keys, residentsOf(snapshot.Members))
	}
	s.current.Store(next)
	return next
}

// tableFor returns the table for a request, nil if the keys are not known. It may be that of the
// list before, unless newest is set.
func (s *stickyPicker) tableFor(r *http.Request, newest bool) *stickyTable {
	now := s.current.Load()
	if now != nil && (!newest || now.snapshot == s.roster.Snapshot()) {
		return now
	}
	keys := s.policy.keysFor(r)
	if keys == nil {
		return nil
	}
	return s.build(s.roster.Snapshot(), keys)
}

// find returns the member of a token in the current list, nil if there is none.
func (s *stickyPicker) find(r *http.Request, token string) *endpoint.Member {
	if token == "" {
		return nil
	}
	for _, newest := range []bool{false, true} {
		t := s.tableFor(r, newest)
		if t == nil {
			return nil
		}
		if i := t.find(token); i >= 0 {
			snapshot := s.roster.Snapshot()
			if t.snapshot == snapshot {
				return &snapshot.Members[i]
			}
			m := snapshot.Find(t.list[i].address)
			if m != nil && m.Info.Key() == t.list[i].id {
				return m
			}
		}
	}
	return nil
}

// knows implements tokens.
func (s *stickyPicker) knows(r *http.Request, of session) bool {
	return s.find(r, of.token) != nil || s.find(r, of.home) != nil
}

// Pick implements endpoint.Picker.
func (s *stickyPicker) Pick(r *http.Request) (e *endpoint.Endpoint, listed bool) {
	attempts := s.policy.transport.Attempts(r)
	if session, ok := s.policy.read(attempts.Original(r), s.policy.now(), true, s); ok {
		if e := s.pickResident(r, session, attempts); e != nil {
			return e, false
		}
	}
	if s.guest == nil {
		return nil, true
	}
	return s.guest.Pick(r)
}

// pickResident picks the endpoint of a session. If that is not possible, it notes why, and returns
// nil.
func (s *stickyPicker) pickResident(
	r *http.Request, of session, attempts *attempt.RequestAttempts,
) *endpoint.Endpoint {
	snapshot := s.roster.Snapshot()
	if home := s.find(r, of.home); home != nil && s.policy.Return && !attempts.Tried(home.Endpoint) {
		ok, limit := snapshot.Usable(home, s.admit)
		if attempts.Note(endpoint.Sticky); ok && attempts.Take(home.Endpoint, limit) {
			return home.Endpoint
		}
	}
	m := s.find(r, of.token)
	if m == nil || attempts.Tried(m.Endpoint) || !snapshot.Keeps(m) {
		if m != nil {
			attempts.NoteMove()
		}
		return nil
	}
	ok, limit := snapshot.KeptBy(m, s.admit)
	if attempts.Note(endpoint.Sticky); ok && attempts.Take(m.Endpoint, limit) {
		return m.Endpoint
	}
	attempts.Note(endpoint.Overflow)
	return nil
}

// Stop implements endpoint.Picker.
func (s *stickyPicker) Stop() {
	s.unsubscribe()
	s.unwatch()
	if s.guest != nil {
		s.guest.Stop()
	}
}
