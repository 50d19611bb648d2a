package lbpolicy

import (
	"strconv"
	"strings"
	"time"
)

// session is what a client brings of the session that it has.
type session struct {
	token string // of the endpoint that has the session
	home  string // of the endpoint that it goes back to; "" if that has it
	begun int64  // when the session began and was seen last, as Unix times; 0 if that does not matter
	seen  int64
}

// parseSession reads the value of a cookie: a token, the home, two times, and their proof, with
// dots between them. What comes last may be left out. Anything else is no session.
func parseSession(value string) (s session, proof string, ok bool) {
	var begun, seen string
	s.token, value, _ = strings.Cut(value, ".")
	s.home, value, _ = strings.Cut(value, ".")
	begun, value, _ = strings.Cut(value, ".")
	seen, proof, _ = strings.Cut(value, ".")
	if !isToken(s.token) || s.home != "" && !isToken(s.home) || proof != "" && !isToken(proof) {
		return session{}, "", false
	}
	if begun == "" && seen == "" && proof == "" {
		return s, "", true
	}
	var errBegun, errSeen error
	s.begun, errBegun = strconv.ParseInt(begun, 36, 64)
	s.seen, errSeen = strconv.ParseInt(seen, 36, 64)
	if errBegun != nil || errSeen != nil || s.begun <= 0 || s.seen < s.begun {
		return session{}, "", false
	}
	return s, proof, true
}

// String returns the value of the cookie without a proof.
func (s session) String() string {
	switch {
	case s.seen != 0:
		return s.token + "." + s.home + "." + strconv.FormatInt(s.begun, 36) + "." + strconv.FormatInt(s.seen, 36)
	case s.home != "":
		return s.token + "." + s.home
	}
	return s.token
}

// lifetime limits how long a session lasts. Zeros are no limits.
type lifetime struct {
	idle, age time.Duration
}

// renewals is how often in its idle time a session is renewed at most. A cookie with every answer
// would keep caches from storing any of them.
const renewals = 8

// over reports whether a session has ended. It was seen at its last renewal, and perhaps once more
// before the next one was due.
func (l lifetime) over(s session, now time.Time) bool {
	if l.idle <= 0 {
		return false
	}
	age, idle := now.Sub(time.Unix(s.begun, 0)), now.Sub(time.Unix(s.seen, 0))
	return s.seen == 0 || idle > l.idle+l.idle/renewals || l.age > 0 && age > l.age
}

// due reports whether the session has to be renewed to outlive its idle time.
func (l lifetime) due(s session, now time.Time) bool {
	return l.idle > 0 && now.Sub(time.Unix(s.seen, 0)) > l.idle/renewals
}

// stamp sets the times of a session that is written.
func (l lifetime) stamp(s *session, now time.Time) {
	if l.idle <= 0 {
		s.begun, s.seen = 0, 0
		return
	}
	s.seen = now.Unix()
	if s.begun == 0 || s.begun > s.seen {
		s.begun = s.seen
	}
}

// maxAge returns how long the client keeps a session that is written, in seconds; 0 is until it
// closes.
func (l lifetime) maxAge(s session, now time.Time) int {
	left := l.age
	if l.idle > 0 {
		left = l.idle + l.idle/renewals
		if l.age > 0 {
			left = min(left, time.Unix(s.begun, 0).Add(l.age).Sub(now))
		}
	}
	return int(left.Round(time.Second) / time.Second)
}
