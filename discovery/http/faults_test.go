package http

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/goleak"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/leaktest"
	"github.com/caddy-balance/caddy-balance/internal/sourcetest"
)

var quiet = log.New(io.Discard, "", 0)

func TestAnErrorHasTheStatusAndTheStartOfItsText(t *testing.T) {
	for text, want := range map[string]string{
		"no such list\n":              `status 404 Not Found: "no such list"`,
		strings.Repeat("é", 80):       `status 404 Not Found: "` + strings.Repeat("é", 50) + `"`,
		"a" + strings.Repeat("é", 80): `status 404 Not Found: "a` + strings.Repeat("é", 49) + `"`,
		"\x00\x01":                    "status 404 Not Found",
		"":                            "status 404 Not Found",
	} {
		server := listen(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, text)
		})
		if _, err := ask(t, &Source{URL: server.URL}, 1); err == nil || err.Error() != server.URL+": "+want {
			t.Errorf("got %v; want %s", err, want)
		}
	}
}

func TestARedirectIsAnErrorThatSaysWhereTo(t *testing.T) {
	server := listen(t, http.RedirectHandler("/other?token=s3cret", http.StatusFound).ServeHTTP)
	_, err := ask(t, &Source{URL: server.URL}, 1)
	if want := server.URL + ": status 302 Found redirects to " + server.URL + "/other; follow_redirects allows it"; err == nil || err.Error() != want {
		t.Errorf("got %v; want %s", err, want)
	}
}

func TestARedirectToAnotherHostGetsNoSecrets(t *testing.T) {
	got := make(chan string, 1)
	other := listen(t, func(w http.ResponseWriter, r *http.Request) {
		got <- fmt.Sprintf("%q %q %q %s", r.Header["X-Tenant"], r.Header["Authorization"], r.Referer(), r.Host)
		body(`["10.0.0.1:80"]`)(w, r)
	})
	server := listen(t, http.RedirectHandler(other.URL, http.StatusFound).ServeHTTP)
	s := &Source{URL: server.URL + "?token=s3cret", FollowRedirects: true, BearerToken: "s3cret", Headers: map[string]string{"X-Tenant": "s3cret", "Host": "registry.test"}}
	if answer, err := ask(t, s, 1); err != nil || sourcetest.Addresses(answer.Endpoints) != "10.0.0.1:80" {
		t.Fatalf("got %v, %v", answer, err)
	}
	if got, want := <-got, `[] [] "" `+strings.TrimPrefix(other.URL, "http://"); got != want {
		t.Errorf("sent %s; want %s", got, want)
	}
}

func TestRedirectsEndAndStayWithTLS(t *testing.T) {
	loop := listen(t, http.RedirectHandler("/", http.StatusFound).ServeHTTP)
	if _, err := ask(t, &Source{URL: loop.URL, FollowRedirects: true}, 1); err == nil || !strings.HasSuffix(err.Error(), "redirects without an end") {
		t.Errorf("got %v", err)
	}
	s := Source{URL: "https://registry.test", FollowRedirects: true}
	if err := s.Provision(caddy.Context{}); err != nil {
		t.Fatal(err)
	}
	next, err := http.NewRequest(http.MethodGet, "http://user:s3cret@registry.test/a?b", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.checkRedirect(next, nil); err == nil || err.Error() != "redirects to http://registry.test/a, which is not https" {
		t.Errorf("got %v", err)
	}
}

func TestABodyThatNeverEndsIsCutOff(t *testing.T) {
	for name, write := range map[string]func(w io.Writer){
		"plain": func(w io.Writer) {
			for _, err := io.WriteString(w, "["); err == nil; _, err = io.WriteString(w, "          ") {
			}
		},
		"compressed": func(w io.Writer) {
			w.(http.ResponseWriter).Header().Set("Content-Encoding", "gzip")
			packed := gzip.NewWriter(w)
			_, _ = packed.Write(make([]byte, 1<<20))
			_ = packed.Close()
		},
	} {
		server := listen(t, func(w http.ResponseWriter, _ *http.Request) { write(w) })
		if _, err := ask(t, &Source{URL: server.URL, MaxSize: 10000}, 1); err == nil || !strings.Contains(err.Error(), "more than 10000 bytes") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestAServerThatHangsIsAnError(t *testing.T) {
	before := goleak.IgnoreCurrent()
	t.Run("run", func(t *testing.T) {
		for _, start := range []string{"", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n[\"10.0.0.1:80\","} {
			address := raw(t, start, true)
			s := &Source{URL: "http://" + address + "/?token=s3cret", Timeout: caddy.Duration(50 * time.Millisecond)}
			if _, err := ask(t, s, 1); err == nil || !strings.Contains(err.Error(), "deadline") || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("%q: got %v", start, err)
			}
		}
	})
	leaktest.WantNone(t, before)
}

func TestAnAnswerThatBreaksOffIsAnError(t *testing.T) {
	for _, start := range []string{"", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n[\"10.0.0.1:80\"]", "garbage\r\n\r\n"} {
		if answer, err := ask(t, &Source{URL: "http://user:s3cret@" + raw(t, start, false)}, 1); err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%q: got %v, %v", start, answer, err)
		}
	}
}

// raw starts a server that sends the start of a response, and then hangs or closes the connection.
func raw(t *testing.T, start string, hang bool) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Read(make([]byte, 4096))
			_, _ = io.WriteString(conn, start)
			if hang {
				_, _ = io.Copy(io.Discard, conn) // until the client gives up
			}
			conn.Close()
		}
	}()
	t.Cleanup(func() { listener.Close(); <-done })
	return listener.Addr().String()
}

func TestABusyServerIsAskedAgainAfterRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, c := range []struct {
		after string
		want  time.Duration
		ok    bool
	}{
		{"30", 30 * time.Second, true}, {"0", 0, true}, {"", 0, false}, {"-1", 0, false}, {"soon", 0, false},
		{"Fri, 02 Jan 2026 03:05:05 GMT", time.Minute, true},
	} {
		if got, ok := retryAfter(c.after, now); ok != c.ok || ok && got != c.want {
			t.Errorf("%q: got %s, %t", c.after, got, ok)
		}
	}
	for after, want := range map[string]time.Duration{"1": 10 * time.Second, "30": 30 * time.Second, "86400": maxRetryAfter} {
		synctest.Test(t, func(t *testing.T) { wantPause(t, after, want) })
	}
}

// wantPause runs a source whose server is busy once, without a network.
func wantPause(t *testing.T, after string, want time.Duration) {
	s := Source{URL: "http://registry.test"}
	if err := s.Provision(caddy.Context{}); err != nil {
		t.Fatal(err)
	}
	start, asked := time.Now(), 0
	client := &http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) {
		if asked++; asked > 1 {
			return nil, errors.New("that is enough")
		}
		return &http.Response{StatusCode: 503, Header: http.Header{"Retry-After": {after}}, Body: http.NoBody}, nil
	})}
	var reported error
	err := s.follow(t.Context(), client, func(a discovery.Answer) { reported = a.Err })
	if got := time.Since(start); got != want || err == nil || reported == nil {
		t.Errorf("Retry-After %s: asked again after %s; want %s (%v, %v)", after, got, want, err, reported)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
