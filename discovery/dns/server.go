package dns

import (
	"context"
	"errors"
	"sync"
	"time"
)

const (
	// plainFor is how long a server counts as one that does not know EDNS. Such a server may have
	// been replaced, or have lost a packet, so it is tried again.
	plainFor = 10 * time.Minute

	// silentFor is how long a server that was silent is asked after the others.
	silentFor = 30 * time.Second

	// brokenFor is how long a server is not asked over TCP again after that failed. The truncated
	// answers of one look-up then cost one timeout in all.
	brokenFor = 10 * time.Second
)

// server is a resolver, and what is known of it. It outlives look-ups.
type server struct {
	address string

	mu          sync.Mutex
	plainUntil  time.Time
	silentUntil time.Time
	brokenUntil time.Time
	broken      error // why it does not answer over TCP
}

// serversAt returns the servers at the addresses, with what earlier look-ups have found out.
func (s *Source) serversAt(addresses []string) []*server {
	servers := make([]*server, len(addresses))
	known := make(map[string]*server, len(addresses))
	for i, address := range addresses {
		found := s.servers[address]
		if found == nil {
			found = &server{address: address}
		}
		servers[i], known[address] = found, found
	}
	s.servers = known
	return servers
}

// inOrder returns the servers with those at the end that were silent.
func inOrder(servers []*server) []*server {
	var awake, silent []*server
	now := time.Now()
	for _, s := range servers {
		s.mu.Lock()
		if now.Before(s.silentUntil) {
			silent = append(silent, s)
		} else {
			awake = append(awake, s)
		}
		s.mu.Unlock()
	}
	return append(awake, silent...)
}

// noteSilence moves servers behind the others because another one answered what they did not.
func noteSilence(silent map[*server]bool) {
	for s, was := range silent {
		if was {
			s.mu.Lock()
			s.silentUntil = time.Now().Add(silentFor)
			s.mu.Unlock()
		}
	}
}

func (s *server) isPlain() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Now().Before(s.plainUntil)
}

// setPlain records whether the server answered a query without EDNS that it did not answer with it.
func (s *server) setPlain(answered bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !answered:
		s.plainUntil = time.Time{}
	case !time.Now().Before(s.plainUntil):
		s.plainUntil = time.Now().Add(plainFor)
	}
}

// brokenTCP returns why the server was not reached over TCP a moment ago, nil if it may be asked.
func (s *server) brokenTCP() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Now().Before(s.brokenUntil) {
		return s.broken
	}
	return nil
}

// setTCP records the result of a query over TCP. The end of ctx says nothing about the server, and
// a response code shows that the server was reached.
func (s *server) setTCP(ctx context.Context, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var code rcodeError
	if s.broken = err; err != nil && !errors.As(err, &code) && ctx.Err() == nil {
		s.brokenUntil = time.Now().Add(brokenFor)
	} else {
		s.brokenUntil = time.Time{}
	}
}
