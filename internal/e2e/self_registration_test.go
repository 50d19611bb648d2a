package e2e

import (
	"net/http"
	"net/url"
	"slices"
	"sync"
	"testing"
)

// selfRegistration is the source `registry`: services register themselves through Caddy's admin
// API.
type selfRegistration struct {
	t     *testing.T
	proxy *proxy
}

func TestRegistry(t *testing.T) { runScenarios(t, startSelfRegistration) }

func startSelfRegistration(t *testing.T) *selfRegistration { return &selfRegistration{t: t} }

func (s *selfRegistration) source() string { return "registry" }
func (s *selfRegistration) of(p *proxy)    { s.proxy = p }

func (s *selfRegistration) put(entries ...entry) {
	s.do(entries, func(c *http.Client, e entry) error {
		fields := e.fields()
		fields["ttl"] = "10m" // so that tests need no heartbeats
		return send(c, http.MethodPut, endpointURL(e), fields)
	})
}

func (s *selfRegistration) remove(entries ...entry) {
	s.do(entries, func(c *http.Client, e entry) error { return send(c, http.MethodDelete, endpointURL(e), nil) })
}

func endpointURL(e entry) string {
	return "http://admin/pools/web/endpoints/" + url.PathEscape(e.address)
}

// do sends several requests at once, as independent services would.
func (s *selfRegistration) do(entries []entry, one func(*http.Client, entry) error) {
	s.t.Helper()
	admin := s.proxy.adminClient()
	defer admin.CloseIdleConnections()
	var all sync.WaitGroup
	for part := range slices.Chunk(entries, len(entries)/workers+1) {
		all.Go(func() {
			for _, e := range part {
				if err := one(admin, e); err != nil {
					s.t.Error(err)
				}
			}
		})
	}
	all.Wait()
}
