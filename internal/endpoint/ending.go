package endpoint

// Ending is what became of an attempt at an endpoint, once that cannot change any more.
type Ending uint8

// The endings of attempts.
const (
	Answered        Ending = iota // the endpoint answered, and not with an error of its own
	Upgraded                      // the connection speaks another protocol now
	FailedStatus                  // the answer was a 5xx
	FailedRefused                 // the connection was refused
	FailedUnreached               // no connection could be made for another reason
	FailedReset                   // the connection ended before an answer
	FailedTimeout                 // there was no connection or no answer in time
	FailedTLS                     // the TLS handshake failed
	FailedBrokenOff               // the answer broke off
	FailedOther                   // there was no answer that HTTP allows
	ClientLeft                    // the client went away before an answer
	ClientUpload                  // the client did not send its request properly
	IdleBroken                    // a kept connection broke as it was used
	TooManyRequests               // the endpoint answered 429
	HedgeLost                     // another endpoint answered the request first
	RoleLost                      // the endpoint may not serve any more, and the attempt was ended
	Unsent                        // the request was not sent after all

	EndingCount = iota
)

// endings has the outcome and the reason of each ending.
var endings = [EndingCount]struct{ outcome, reason string }{
	Answered:        {"worked", "answered"},
	Upgraded:        {"worked", "upgraded"},
	FailedStatus:    {"failed", "status"},
	FailedRefused:   {"failed", "refused"},
	FailedUnreached: {"failed", "unreachable"},
	FailedReset:     {"failed", "reset"},
	FailedTimeout:   {"failed", "timeout"},
	FailedTLS:       {"failed", "tls"},
	FailedBrokenOff: {"failed", "broken_off"},
	FailedOther:     {"failed", "other"},
	ClientLeft:      {"nothing", "client_left"},
	ClientUpload:    {"nothing", "client_upload"},
	IdleBroken:      {"nothing", "idle_connection"},
	TooManyRequests: {"nothing", "too_many_requests"},
	HedgeLost:       {"nothing", "hedge_lost"},
	RoleLost:        {"nothing", "role_lost"},
	Unsent:          {"nothing", "unsent"},
}

// Outcome returns what the attempt says of its endpoint: worked, failed or nothing.
func (e Ending) Outcome() string { return endings[e].outcome }

// Reason returns why that is so.
func (e Ending) Reason() string { return endings[e].reason }
