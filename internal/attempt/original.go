package attempt

import "net/http"

// Original returns the request with the header and the host that it came with. Once Caddy has made
// an attempt, the request has those that header_up has made for it.
func (a *RequestAttempts) Original(r *http.Request) *http.Request {
	if a == nil || len(a.sentAttempts) == 0 {
		return r
	}
	original := *r
	original.Header, original.Host = a.header, a.host
	return &original
}
