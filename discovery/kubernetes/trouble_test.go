package kubernetes

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/klog/v2"
)

// onRequest answers only requests such as "list endpointslices".
func onRequest(request string, answer http.HandlerFunc) func(http.ResponseWriter, *http.Request) bool {
	verb, resource, _ := strings.Cut(request, " ")
	return func(w http.ResponseWriter, r *http.Request) bool {
		match := strings.HasSuffix(r.URL.Path, "/"+resource) && (r.URL.Query().Get("watch") == "true") == (verb == "watch")
		if match {
			answer(w, r)
		}
		return match
	}
}

// answerText answers with a text.
func answerText(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }
}

// hang answers nothing until the client gives up.
func hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// forbid refuses as an API server does without a role.
func forbid(w http.ResponseWriter, _ *http.Request) {
	status(w, http.StatusForbidden, "Forbidden", `endpointslices.discovery.k8s.io is forbidden: User "caddy" cannot ...`)
}

func TestAnErrorEndsTheRunWithItsCause(t *testing.T) {
	var log bytes.Buffer
	klog.LogToStderr(false)
	klog.SetOutput(&log)
	for request, cases := range map[string]map[string]http.HandlerFunc{
		"list services": {
			"cannot list services in namespace shop: ":                                                             answerText("<html>"),
			"may not list services in namespace shop; expected a role with get, list and watch on them: endpoints": forbid,
		},
		"list endpointslices": {
			"cannot list endpointslices in namespace shop: ": answerText(`{"kind":"EndpointSliceList","apiVersion":"discovery.k8s.io/v1","items":[{"endpoints":7}]}`),
			"cannot list endpointslices in namespace shop: too old": func(w http.ResponseWriter, _ *http.Request) {
				status(w, http.StatusGone, "Expired", "too old")
			},
			"cannot list endpointslices in namespace shop: the server is currently unable to handle the request": func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", "1")
				status(w, http.StatusServiceUnavailable, "ServiceUnavailable", "the server is currently unable to handle the request")
			},
			"may not list endpointslices in namespace shop; expected a role with get, list and watch on them: endpoints": forbid,
		},
		"watch endpointslices": {
			"may not watch endpointslices in namespace shop; expected a role with get, list and watch on them: endpoints":                         forbid,
			"cannot watch endpointslices in namespace shop: an error on the server (\"unable to decode an event from the watch stream: unable to": answerText(`{"type":"ADDED","object":{"kind":"EndpointSlice","apiVersion":"discovery.k8s.io/v1","endpoints":7}}` + "\n"),
			"cannot watch endpointslices in namespace shop: an error on the server (\"unable to decode an event from the watch stream: invalid":   answerText("<html>"),
			"cannot watch endpointslices in namespace shop: etcd has no leader":                                                                   answerText(`{"type":"ERROR","object":` + statusText(500, "InternalError", "etcd has no leader") + "}\n"),
			"cannot watch endpointslices in namespace shop: slow down":                                                                            answerText(`{"type":"ERROR","object":` + statusText(429, "TooManyRequests", "slow down") + "}\n"),
		},
	} {
		for want, answer := range cases {
			t.Run(request+"/"+want, func(t *testing.T) {
				api := newFakeAPI(t)
				api.put(service(), slice("web-a", ready("10.0.0.1")))
				api.answerInstead(onRequest(request, answer))
				if err := run(t, api).wantsEnd(); err == nil || !strings.HasPrefix(err.Error(), want) {
					t.Errorf("got %v; want %s", err, want)
				}
				if n := api.count(request); n != 1 {
					t.Errorf("%d requests; want one, because the pool decides on pauses", n)
				}
			})
		}
	}
	klog.Flush()
	if log.Len() > 0 {
		t.Errorf("logged outside of Caddy's log: %s", log.String())
	}
}

func TestAServerThatGoesAwayEndsTheRun(t *testing.T) {
	api := newFakeAPI(t)
	api.put(service(), slice("web-a", ready("10.0.0.1")))
	r := run(t, api)
	api.awaitRequest("watching endpointslices")
	api.awaitRequest("watching services")
	api.close()
	if err := r.wantsEnd(); err == nil || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("got %v", err)
	}
}

func TestABrokenConnectionToALiveServerIsNoError(t *testing.T) {
	api := newFakeAPI(t)
	api.put(service(), slice("web-a", ready("10.0.0.1")))
	r := run(t, api)
	api.awaitRequest("watching endpointslices")
	api.awaitRequest("watching services")
	api.breakConnections()
	api.put(slice("web-b", ready("10.0.0.2")))
	r.wants("10.0.0.1:8080", "10.0.0.2:8080")
}

func TestAServerThatHangsDoesNotDelayTheEnd(t *testing.T) {
	for _, request := range []string{"list services", "list endpointslices", "watch endpointslices"} {
		t.Run(request, func(t *testing.T) {
			api := newFakeAPI(t)
			api.put(service(), slice("web-a", ready("10.0.0.1")))
			api.answerInstead(onRequest(request, hang))
			r := run(t, api)
			api.awaitRequest(request)
			r.cancel()
			if err := r.wantsEnd(); err != nil {
				t.Errorf("got %v; want nil after its context ended", err)
			}
		})
	}
}

func TestUnknownEventsInAWatchChangeNothing(t *testing.T) {
	api := newFakeAPI(t)
	api.put(service(), slice("web-a", ready("10.0.0.1")))
	r := run(t, api)
	api.awaitRequest("watching endpointslices")
	api.emitLine(`{"type":"ADDED","object":{"kind":"Status","apiVersion":"v1"}}`)
	api.put(slice("web-b", ready("10.0.0.2")))
	r.wants("10.0.0.1:8080", "10.0.0.2:8080")
}

func TestTheNextRunReadsTheTokenFileAgain(t *testing.T) {
	api := newFakeAPI(t)
	api.put(service(), slice("web-a", ready("10.0.0.1")))
	api.requireToken("second")
	path := filepath.Join(t.TempDir(), "token")
	writeFile(t, path, "first")
	s := &Source{Service: "web", Namespace: "shop", APIServer: api.url, TokenFile: path}
	r := runSource(t, s)
	if err := r.wantsEnd(); err == nil || !strings.Contains(err.Error(), "Unauthorized") {
		t.Errorf("got %v", err)
	}
	writeFile(t, path, "second\n")
	runSource(t, s).wants("10.0.0.1:8080")
}

func TestATokenIsSentButNotShown(t *testing.T) {
	api := newFakeAPI(t)
	api.answerInstead(func(w http.ResponseWriter, r *http.Request) bool {
		status(w, http.StatusForbidden, "Forbidden", fmt.Sprint(r.Header.Get("Authorization") == "Bearer t0ps3cret"))
		return true
	})
	t.Setenv("CADDY_BALANCE_TOKEN", "t0ps3cret")
	err := runSource(t, &Source{Service: "web", APIServer: api.url, Token: "{env.CADDY_BALANCE_TOKEN}"}).wantsEnd()
	if err == nil || !strings.HasSuffix(err.Error(), "true") || strings.Contains(err.Error(), "t0ps3cret") {
		t.Errorf("got %v", err)
	}
}

func TestAnEndlessAnswerIsCutOff(t *testing.T) {
	body := io.NopCloser(zeros{})
	endless := roundTrip(func(*http.Request) (*http.Response, error) { return &http.Response{Body: body}, nil })
	for query, want := range map[string]bool{"": true, "?watch=true": false} {
		request, err := http.NewRequest(http.MethodGet, "http://10.0.0.1/"+query, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := limitedTransport{endless, 10, nil}.RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.CopyN(io.Discard, response.Body, maxListSize+1)
		if got := errors.As(err, new(*http.MaxBytesError)); got != want {
			t.Errorf("%q: cut off %v (%v); want %v", query, got, err, want)
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
