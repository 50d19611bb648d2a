package lbpolicy

import (
	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/internal/attempt"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// Policy is implemented by a selection policy that picks from the list of a pool. Its only method
// is
//
//	NewPicker(r *Roster, admit Admit) Picker
//
// A pool calls it once for each reverse proxy, when the config is loaded.
type Policy = endpoint.Policy

// Picker picks for one pool in one reverse proxy. Many requests call it at once. Its methods are
//
//	Pick(r *http.Request) (e *Endpoint, listed bool)
//	Stop()
//
// Pick returns nil if no endpoint is usable. If listed is true, the pool lists all its usable
// endpoints for this request instead, and Caddy calls the policy's Select with them.
//
// Caddy calls Select with the pick, too. Others follow the pick if Caddy may have counted failures
// of it that the pool does not know yet. Select then returns the first upstream that is healthy.
type Picker = endpoint.Picker

// Admit reports whether the pool lets a member have the request, and the member's limit of requests
// in flight; 0 is no limit. A picker need not call it: Snapshot.Usable does.
type Admit = endpoint.Admit

// Roster is the list of a pool as it changes. A picker uses
//
//	Snapshot() *Snapshot  // the list as it is now
//	Subscribe(func(*Snapshot)) (stop func())  // builds tables for each list once it is published
//	CatchUp(seen *Snapshot) bool  // whether there is a newer list, if none is usable
//	InFlight() int  // requests in flight in the pool
type Roster = endpoint.Roster

// Snapshot is a list at one moment. It never changes. A picker uses
//
//	Bands  []Band  // the members that serve, by priority and zone
//	Draw(place float64) (band int)  // the band for a random place between 0 and 1
//	Usable(m *Member, admit Admit) (ok bool, limit int)
type Snapshot = endpoint.Snapshot

// Band is the members of one priority and zone. Its Share is their part of the pool's requests.
type Band = endpoint.Band

// Member is an endpoint with what its source says (Info), and its Weight in its band.
type Member = endpoint.Member

// Endpoint is one backend address and what is known of it. Pointers to it may be compared. A picker
// uses Address, InFlight and Load.
type Endpoint = endpoint.Endpoint

// RequestAttempts are the endpoints that one request was at. It is nil for a request that cannot be
// tracked, and its methods work on nil. A picker uses
//
//	Tried(e *Endpoint) bool  // whether a retry would go there again
//	Any() bool  // whether the request is a retry
//	Take(e *Endpoint, limit int) bool  // reserves a place until the attempt ends
type RequestAttempts = attempt.RequestAttempts

// Transport observes the attempts of a reverse proxy. A picker uses
//
//	Attempts(r *http.Request) *RequestAttempts
type Transport = attempt.Transport

// Install returns the transport of the reverse proxy that is being provisioned, which it wraps if
// it is not wrapped yet. A policy calls it in Provision. The result is nil outside of a reverse
// proxy, and its method Attempts works on nil.
func Install(ctx caddy.Context) (*Transport, error) {
	transport, _, err := attempt.Install(ctx)
	return transport, err
}
