package command_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// stub is an admin endpoint with answers that a test chooses.
type stub struct {
	answers map[string]string // by method and escaped path: the status and the body

	mu       sync.Mutex
	requests []string // that change something: method, path and body
}

// start returns the address of the stub.
func (s *stub) start(t *testing.T) string {
	return serve(t, s.ServeHTTP)
}

func serve(t *testing.T, handler http.HandlerFunc) (address string) {
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

func (s *stub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	called := r.Method + " " + r.URL.EscapedPath()
	if r.Method != http.MethodGet {
		s.mu.Lock()
		s.requests = append(s.requests, strings.TrimSpace(called+" "+string(body)))
		s.mu.Unlock()
	}
	answer, ok := s.answers[called]
	if !ok {
		answer = `404 {"error": "not found"}`
	}
	var status int
	_, err := fmt.Sscan(answer, &status)
	if err != nil {
		panic(err)
	}
	w.WriteHeader(status)
	io.WriteString(w, strings.TrimSpace(strings.TrimPrefix(answer, fmt.Sprint(status))))
}

// twoPools has a pool "web" of two endpoints and a pool "a/b" without any.
func twoPools() *stub {
	ago := func(d time.Duration) string { return time.Now().Add(-d).Format(time.RFC3339Nano) }
	healthy := `{"address": "10.0.0.1:80", "id": "one", "weight": 1, "groups": ["canary"], "sessions": 7, "state": "healthy", "usable": true,
		"since": "` + ago(5*time.Minute) + `", "effective_weight": 1, "weight_reasons": ["its source gives 1"],
		"source": {"name": "static", "position": 1},
		"load": {"in_flight": 2, "waiting": 1, "relative_time": 1.25, "certainty": 0.9},
		"check": {"probes": [{"name": "http", "checked": true, "passes": true, "since": "` + ago(5*time.Minute) + `"}]}}`
	drained := `{"address": "10.0.0.2:80", "weight": 1, "ungrouped": true, "sessions": 0, "state": "draining", "reason": "an operator says so: \u001b[31mred",
		"since": "` + ago(3*time.Hour) + `", "effective_weight": 0, "weight_reasons": [], "load": {"in_flight": 0},
		"override": {"state": "drain", "by": "::1", "since": "` + ago(3*time.Hour) + `"}}`
	sources := `{"name": "static", "state": "live", "entries": 2, "last_success": "` + ago(time.Minute) + `",
			"last_error": "an old error", "last_error_at": "` + ago(2*time.Minute) + `"},
		{"name": "dns", "position": 2, "state": "stale", "entries": 0, "last_success": "` + ago(3*time.Hour) + `",
			"last_error": "no answer", "last_error_at": "` + ago(time.Second) + `"},
		{"name": "http", "position": 3, "state": "held", "entries": 2, "last_success": "` + ago(time.Second) + `",
			"held_until": "2027-01-02T15:04:05Z", "last_error": "an old error", "last_error_at": "` + ago(time.Minute) + `",
			"dropped": 7, "first_dropped": [{"key": "x", "reason": "no port"}]},
		{"name": "etcd", "position": 4, "state": "waiting", "entries": 0, "last_error": "no leader"}`
	web := `"name": "web", "mode": "healthy", "mode_since": "` + ago(50*time.Second) + `", "endpoints": 2, "usable": 1,
		"draining": 1, "in_flight": 2, "overrides": 1, "revision": 7,
		"limits": {"max_in_flight": 2, "admitted": 2, "queue_length": 10, "refused_retries": 4, "retries_left": 12,
			"classes": {"critical": {"waiting": 1}, "normal": {"waiting": 2, "shed": 7}}}`
	return &stub{answers: map[string]string{
		"GET /pools/": `200 [{"name": "a/b", "mode": "none", "frozen": {"revision": 3}}, {` + web + `}]`,
		"GET /pools/web": `200 {` + web + `, "sources": [` + sources + `],
			"hedges": {"won": 5, "lost": 4, "refused": 1}, "ungrouped": 1,
			"groups": [{"name": "canary", "share": 5, "configured": 5, "endpoints": 1, "usable": 1, "guard": "content",
				"step": {"number": 2, "of": 3}}],
			"sessions": [{"carrier": "query room", "sessions": 7, "limit": 100, "evicted": 3}], "members": [` + healthy + `, ` + drained + `]}`,
		"GET /pools/a%2Fb":                                       `200 {"name": "a/b"}`,
		"GET /pools/web/endpoints/one":                           `200 ` + healthy,
		"GET /pools/web/endpoints/10.0.0.2:80":                   `200 ` + drained,
		"PATCH /pools/web/endpoints/10.0.0.2:80":                 `200 ` + drained,
		"PATCH /pools/web/endpoints/one":                         `409 {"error": "endpoint 10.0.0.1:80: it is the last"}`,
		"DELETE /pools/web/endpoints/10.0.0.2:80/override":       `204 `,
		"DELETE /pools/web/endpoints/one/override":               `404 {"error": "endpoint \"one\" has no override"}`,
		"POST /pools/web/endpoints/unix%2F%2Frun%2Fx.sock/reset": `204 `,
		"POST /pools/web/rollback":                               `200 {"revision": 3, "since": "2027-01-02T15:04:05Z"}`,
		"DELETE /pools/web/rollback":                             `204 `,
		"POST /pools/a%2Fb/explain":                              `400 {"error": "body: uri: \"x\" does not begin with a slash"}`,
	}}
}
