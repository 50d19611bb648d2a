package lbpolicy

import (
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// checkedKey is a bounded_load_hash with a log.
func checkedKey(t *testing.T, key string) (h *host, said func() []string) {
	h = newHost(t, "bounded_load_hash", "a:1 b:1")
	core, log := observer.New(zap.InfoLevel)
	p := h.policy.(*BoundedLoadHash)
	p.Key, p.key, p.check = key, newRequestText(key), newKeyCheck(key, zap.New(core))
	return h, func() (lines []string) {
		for _, e := range log.TakeAll() {
			lines = append(lines, fmt.Sprint(e.Message, ": ", e.ContextMap()["instead"]))
		}
		return lines
	}
}

func (h *host) selectMany(t *testing.T, n int, header http.Header) {
	for range n {
		r, end := request(t, "/")
		for name, values := range header {
			r.Header[name] = values
		}
		h.selectFor(r)
		end()
	}
}

func TestAnUnknownPlaceholderInAKeyIsLoggedOnce(t *testing.T) {
	for key, want := range map[string]string{
		"{remote_host/24,64}":           "{http.request.remote.host/24,64}",
		"{client_ip}":                   "{http.vars.client_ip}",
		"{header.X-User}":               "{http.request.header.X-User}",
		"{http.request.host}-{cookie.}": "{http.request.cookie.}",
		"a-{nobody.knows}":              "a placeholder with a value, such as {http.vars.client_ip} or {http.request.uri.path}",
	} {
		h, said := checkedKey(t, key)
		h.selectMany(t, 20, nil)
		if got := said(); !slices.Equal(got, []string{"hash key names an unknown placeholder: " + want}) {
			t.Errorf("%s: logged %q, want one line with %q", key, got, want)
		}
	}
}

func TestAKeyThatIsEmptyForAllRequestsIsLoggedOnce(t *testing.T) {
	h, said := checkedKey(t, "{http.request.header.X-User}")
	h.selectMany(t, checkedRequests-1, nil)
	if got := said(); got != nil {
		t.Errorf("logged %q after %d requests", got, checkedRequests-1)
	}
	h.selectMany(t, checkedRequests+1, nil)
	if got := said(); len(got) != 1 {
		t.Errorf("logged %q", got)
	}
}

// TestAKeyThatOnlyLaterRequestsHaveIsNotLogged has placeholders that Caddy does not know for a
// request that has no value for them.
func TestAKeyThatOnlyLaterRequestsHaveIsNotLogged(t *testing.T) {
	for _, key := range []string{"{http.request.uri.path.0}", "{http.regexp.user.1}", "{http.auth.user.id}"} {
		h, said := checkedKey(t, key)
		h.selectMany(t, 20, nil) // for /
		if got := said(); got != nil {
			t.Errorf("%s: logged %q", key, got)
		}
		r, end := request(t, "/tenant")
		repl := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
		repl.Set("http.regexp.user.1", "17")
		repl.Set("http.auth.user.id", "17")
		h.selectFor(r)
		end()
		h.selectMany(t, checkedRequests, nil)
		if got := said(); got != nil {
			t.Errorf("%s: logged %q after a request with a value", key, got)
		}
		h, said = checkedKey(t, key)
		h.selectMany(t, checkedRequests+10, nil)
		if got := said(); len(got) != 1 {
			t.Errorf("%s: logged %q of requests without a value", key, got)
		}
	}
}

func TestAKeyThatSomeRequestsHaveIsNotLogged(t *testing.T) {
	for _, key := range []string{"{http.request.header.X-User}", "user {http.request.header.X-User}", "constant", `\{client_ip}`} {
		h, said := checkedKey(t, key)
		h.selectMany(t, 5, nil)
		h.selectMany(t, 1, http.Header{"X-User": {"1"}})
		h.selectMany(t, checkedRequests, nil)
		if got := said(); got != nil {
			t.Errorf("%s: logged %q", key, got)
		}
	}
}
