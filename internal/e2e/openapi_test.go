package e2e

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

// describedSite has pools whose answers have every field that the description knows.
const describedSite = `
reverse_proxy {
	dynamic pool web {
		source static {
			endpoint 127.0.0.1:1 {
				id one
				zone a
				metadata version v1
			}
			endpoint 127.0.0.1:2
			endpoint 127.0.0.1:3
		}
		health {
			probe tcp
			interval 1s
		}
		slow_start 10s
		zone a
	}
}
handle_path /sticky/* {
	reverse_proxy {
		dynamic pool sticky {
			source static 127.0.0.1:1
		}
		lb_policy sticky {
			client_ip
		}
	}
}
handle_path /split/* {
	reverse_proxy {
		dynamic pool split {
			source static 127.0.0.1:1
		}
		lb_policy split {
			group stable
			group canary version=v2 10%
			force header X-Version
			guard
		}
	}
}
handle_path /registered/* {
	reverse_proxy {
		dynamic pool registered {
			source registry
		}
		lb_policy bounded_load_hash {path}
	}
}
`

// described sends requests to the admin API and compares the answers with its description.
type described struct {
	t      *testing.T
	client *http.Client
	router routers.Router
	called map[string]bool // method and path, as the description has them
}

func (d *described) call(method, path, body string) {
	d.t.Helper()
	request, err := http.NewRequest(method, "http://localhost:2019"+path, strings.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	route, params, err := d.router.FindRoute(request)
	if err != nil {
		d.t.Fatalf("%s %s is not described: %v", method, path, err)
	}
	d.called[method+" "+route.Path] = true
	response, err := d.client.Do(request)
	if err != nil {
		d.t.Fatal(err)
	}
	defer response.Body.Close()
	var answer []byte
	if response.Header.Get("Content-Type") != "text/event-stream" { // which has no end
		if answer, err = io.ReadAll(response.Body); err != nil {
			d.t.Fatal(err)
		}
	}
	err = openapi3filter.ValidateResponse(context.Background(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{
			Request: request, PathParams: params, Route: route,
		},
		Status: response.StatusCode, Header: response.Header, Body: io.NopCloser(bytes.NewReader(answer)),
		Options: &openapi3filter.Options{
			IncludeResponseStatus: true, ExcludeResponseBody: answer == nil && response.StatusCode == http.StatusOK,
		},
	})
	if err != nil {
		d.t.Errorf("%s %s: %s: %v", method, path, response.Status, err)
	}
}

func TestTheAdminAPIIsAsItsDescriptionSays(t *testing.T) {
	document, err := openapi3.NewLoader().LoadFromFile("../../docs/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	router, err := legacy.NewRouter(document)
	if err != nil {
		t.Fatal(err)
	}
	p := newProxy(t, describedSite)
	p.start()
	d := &described{
		t: t, client: &http.Client{Transport: caddytest.SingleUseTransport(p.AdminSocket())}, router: router,
		called: make(map[string]bool),
	}
	const one = "/pools/web/endpoints/one"
	for _, c := range [][3]string{
		{"GET", "/pools/", ""},
		{"GET", "/pools/web", ""}, {"GET", "/pools/other", ""}, {"GET", "/pools/sticky", ""},
		{"GET", "/pools/web/sources", ""}, {"GET", "/pools/other/sources", ""},
		{"GET", "/pools/web/routes", ""}, {"GET", "/pools/other/routes", ""},
		{"GET", "/pools/web/endpoints", ""}, {"GET", "/pools/other/endpoints", ""},
		{"GET", one, ""}, {"GET", "/pools/web/endpoints/other", ""},
		{"PATCH", one, `{"state": "drain", "weight": 3, "until": "1h", "reason": "why", "force": true}`},
		{"PATCH", one, `{"state": "off"}`}, {"PATCH", "/pools/web/endpoints/other", `{"weight": 1}`},
		{"GET", one, ""}, {"GET", "/pools/web", ""},
		{"POST", one + "/reset", ""}, {"POST", "/pools/web/endpoints/other/reset", ""},
		{"DELETE", one + "/override", ""}, {"DELETE", one + "/override", ""},
		{"GET", "/pools/web/history", ""}, {"GET", "/pools/web/history?after=1", ""},
		{"GET", "/pools/web/history?after=x", ""}, {"GET", "/pools/other/history", ""},
		{"GET", "/pools/web/events", ""}, {"GET", "/pools/other/events", ""},
		{"POST", "/pools/web/rollback", `{"revision": 1, "reason": "why"}`}, {"POST", "/pools/web/rollback", `{}`},
		{"POST", "/pools/web/rollback", `{"revision": 9999}`}, {"GET", "/pools/", ""},
		{"DELETE", "/pools/web/rollback", ""}, {"DELETE", "/pools/web/rollback", ""},
		{"POST", "/pools/web/explain", `{"uri": "/"}`}, {"POST", "/pools/web/explain", `{}`},
		{"POST", "/pools/registered/explain", `{"uri": "/"}`}, {"POST", "/pools/sticky/explain", `{"uri": "/"}`},
		{"GET", "/pools/split/groups/canary", ""}, {"GET", "/pools/split/groups/other", ""},
		{"GET", "/pools/split/groups", ""}, {"GET", "/pools/web/groups", ""}, {"GET", "/pools/other/groups", ""},
		{"PATCH", "/pools/split/groups/canary", `{"share": 20, "reason": "why"}`},
		{"PATCH", "/pools/split/groups/canary", `{}`}, {"PATCH", "/pools/split/groups/other", `{"share": 1}`},
		{"GET", "/pools/split/groups", ""}, {"GET", "/pools/split", ""}, {"POST", "/pools/split/explain", `{"uri": "/"}`},
		{"DELETE", "/pools/split/groups/canary/share", ""}, {"DELETE", "/pools/split/groups/canary/share", ""},
		{"PUT", "/pools/registered/endpoints/x", `{"address": "127.0.0.1:4", "zone": "b", "metadata": {"a": "b"}}`},
		{"PUT", "/pools/registered/endpoints/x", `{"address": "127.0.0.1:4"}`},
		{"PUT", "/pools/registered/endpoints/y", `{}`}, {"PUT", "/pools/web/endpoints/y", `{}`},
		{"GET", "/pools/registered/endpoints", ""}, {"GET", "/pools/registered/endpoints/x", ""},
		{"DELETE", "/pools/registered/endpoints/x", ""}, {"DELETE", "/pools/registered/endpoints/x", ""},
	} {
		d.call(c[0], c[1], c[2])
	}
	for path, item := range document.Paths.Map() {
		for method := range item.Operations() {
			if !d.called[method+" "+path] {
				t.Errorf("%s %s is described and not called", method, path)
			}
		}
	}
}
