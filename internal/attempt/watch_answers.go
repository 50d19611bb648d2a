package attempt

import (
	"net/http"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// WatchAnswers makes the transport call see with each answer of an endpoint, before the client gets
// any of it. A nil transport sees none. It may only be called while the handler is provisioned.
func (t *Transport) WatchAnswers(see func(e *endpoint.Endpoint, answer *http.Response)) {
	if t != nil {
		t.watchers = append(t.watchers, see)
	}
}
