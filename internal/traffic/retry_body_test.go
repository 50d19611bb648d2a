package traffic

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

// Of a body that an endpoint has read, nothing can be sent to the next one, which would take that
// for an empty one where the length is not announced.
func TestOnlyABodyThatIsWholeIsSentAgain(t *testing.T) {
	const body = "the whole body"
	const match = "lb_retries 2\nlb_retry_match {\nmethod PUT\n}\nlb_retry_match {\nexpression `{rp.status_code} == 503`\n}\n"
	unavailable := func(w http.ResponseWriter) { w.WriteHeader(http.StatusServiceUnavailable) }
	for name, c := range map[string]struct {
		fail    func(http.ResponseWriter)
		options string
		status  int
	}{
		"broken":              {closeConnection, "", http.StatusBadGateway},
		"broken, buffered":    {closeConnection, "request_buffers 1KiB\n", http.StatusOK},
		"broken, too large":   {closeConnection, "request_buffers 4\n", http.StatusBadGateway},
		"a status":            {unavailable, "", http.StatusServiceUnavailable},
		"a status, buffered":  {unavailable, "request_buffers 1KiB\n", http.StatusOK},
		"a status, too large": {unavailable, "request_buffers 4\n", http.StatusServiceUnavailable},
	} {
		for _, upstreams := range []string{"static", "pool", "budget"} {
			for _, chunked := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%s/chunked=%v", name, upstreams, chunked), func(t *testing.T) {
					var n atomic.Int64
					fleet := startBackends(t, 2, func(_ *backend, w http.ResponseWriter, r *http.Request) {
						data, _ := io.ReadAll(r.Body)
						if n.Add(1) == 1 {
							c.fail(w)
							return
						}
						_, _ = w.Write(data)
					})
					lines := c.options + match + "lb_policy weighted_random"
					site := map[string]string{
						"static": fmt.Sprintf("reverse_proxy %s {\n%s\n}", fleet, lines),
						"pool":   poolWith("source static "+fleet.String(), lines),
						"budget": budgeted(fleet, "100% 100", lines),
					}[upstreams]
					var sent io.Reader = strings.NewReader(body)
					if chunked {
						sent = io.MultiReader(sent)
					}
					a := expectStatus(t, c.status)(startProxy(t, site).client().send(http.MethodPut, "/", sent))
					if c.status == http.StatusOK && a.body != body {
						t.Errorf("the second endpoint got the body %q", a.body)
					}
					if want := int64(len(fleet)); n.Load() > want || c.status != http.StatusOK && n.Load() != 1 {
						t.Errorf("the endpoints got %d requests", n.Load())
					}
				})
			}
		}
	}
}

func TestABodyOfWhichNothingWasReadIsSentAgain(t *testing.T) {
	fleet := startBackends(t, 2, func(_ *backend, w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) })
	fleet[0].kill()
	p := startProxy(t, fmt.Sprintf("reverse_proxy %s {\nlb_policy weighted_first\nlb_retries 1\n}", fleet))
	a := expectOK(t)(p.client().send(http.MethodPost, "/", io.MultiReader(strings.NewReader("body"))))
	if a.body != "body" {
		t.Errorf("got %q", a.body)
	}
}
