package status_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

// checkedSite has a pool whose endpoints must pass two probes.
const checkedSite = `
http:// {
	bind unix/%s
	reverse_proxy {
		dynamic pool checked {
			source static %s
			health {
				probe http /live {
					fall 1
					rise 1
				}
				probe http /role {
					fall 2
				}
				interval 100ms
			}
		}
	}
}
`

// shownPool is the part of a pool's status that depends on nothing but the checks.
type shownPool struct {
	Name, Mode                             string
	Endpoints, Usable, Unhealthy, Draining int
	Failing                                int
	Failures                               []struct {
		Reason    string
		Endpoints int
	}
	ModeSince time.Time `json:"mode_since"`
}

// roleBackend answers 503 to checks of its role while it is not ready.
func roleBackend(t *testing.T, ready *atomic.Bool) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/role") && !ready.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

func TestTheAdminAPIShowsWhyAPoolFailsOpen(t *testing.T) {
	var ready atomic.Bool
	backends := []string{roleBackend(t, &ready), roleBackend(t, &ready), caddytest.FreeAddress(t)}
	c := caddytest.New(t)
	c.Start(c.GlobalOptions("") + fmt.Sprintf(checkedSite, c.SiteSocket(0), strings.Join(backends, " ")))
	t.Cleanup(c.Stop)
	api := admin{&http.Client{Transport: caddytest.SingleUseTransport(c.AdminSocket())}}
	var shown shownPool
	show := func() shownPool {
		shown = shownPool{}
		if err := json.Unmarshal([]byte(api.call(t, "GET", "/pools/checked", "").body), &shown); err != nil {
			t.Fatal(err)
		}
		return shown
	}
	want := []string{
		"2 probe http #2: GET /role: status 503",
		"1 probe http #2: connecting: connection refused",
		"1 probe http: connecting: connection refused",
	}
	var failures []string
	defer func() { t.Logf("at last: %q", failures) }()
	caddytest.Eventually(t, time.Minute, "all fail", func() bool {
		failures = nil
		for _, f := range show().Failures {
			failures = append(failures, fmt.Sprint(f.Endpoints, " ", f.Reason))
		}
		// On a busy machine a check may time out, which is another reason until the next one.
		return shown.Mode == "fail_open" && shown.Failing == 3 && slices.Equal(failures, want)
	})
	if shown.Endpoints != 3 || shown.Usable != 0 || shown.Unhealthy != 3 || shown.ModeSince.IsZero() {
		t.Errorf("%+v", shown)
	}
	ready.Store(true)
	caddytest.Eventually(t, time.Minute, "two are ready", func() bool {
		return show().Mode == "healthy" && shown.Usable == 2 && shown.Failing == 1 && len(shown.Failures) == 2
	})
}
