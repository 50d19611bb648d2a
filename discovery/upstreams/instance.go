package upstreams

import (
	"errors"
	"fmt"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// endpoints makes an endpoint of each upstream. Upstreams have no names, so errors give their
// number.
func endpoints(upstreams []*reverseproxy.Upstream) discovery.Answer {
	var list discovery.AnswerBuilder
	for i, u := range upstreams {
		if key := fmt.Sprintf("upstream %d", i+1); u == nil {
			list.Drop(key, errors.New("is nil"))
		} else {
			list.Add(key, listing.Info{Address: u.Dial, Weight: 1, MaxRequests: u.MaxRequests})
		}
	}
	return list.Answer()
}
