package traffic

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// pooled returns a site that proxies to a pool of static endpoints. The options are those of
// reverse_proxy.
func pooled(f fleet, options string) string {
	return fmt.Sprintf("reverse_proxy {\ndynamic pool web {\nsource static %s\n}\n%s\n}", f, options)
}

// blockingHandler holds each request until the test releases one, or all by closing the channel.
type blockingHandler struct {
	arrived chan *http.Request
	release chan struct{}
}

func newBlockingHandler() *blockingHandler {
	return &blockingHandler{make(chan *http.Request, 100), make(chan struct{})}
}

func (h *blockingHandler) wait(r *http.Request) {
	h.arrived <- r
	select {
	case <-h.release:
	case <-r.Context().Done():
	}
}

func (h *blockingHandler) serve(b *backend, w http.ResponseWriter, r *http.Request) {
	h.wait(r)
	io.WriteString(w, b.name)
}

func TestARequestIsInFlightFromItsPickToTheEndOfItsBody(t *testing.T) {
	answered, finish := make(chan struct{}), make(chan struct{})
	fleet := startBackends(t, 1, func(b *backend, w http.ResponseWriter, r *http.Request) {
		answered <- struct{}{}
		io.WriteString(w, "first half, ")
		http.NewResponseController(w).Flush()
		<-finish
		io.WriteString(w, "second half")
	})
	c := startProxy(t, pooled(fleet, "")).client()
	expectInFlight(t, nil)
	done := make(chan answer)
	go func() { a, _ := c.get("/"); done <- a }()
	receive(t, answered)
	expectInFlight(t, fleet.each(1))
	close(finish)
	if a := receive(t, done); a.body != "first half, second half" {
		t.Errorf("read %q", a.body)
	}
	expectInFlight(t, nil)
}

func TestAClientThatLeavesBeforeTheFirstByteFreesItsPlace(t *testing.T) {
	blocking := newBlockingHandler()
	fleet := startBackends(t, 1, blocking.serve)
	c := startProxy(t, pooled(fleet, "lb_retries 3")).client()
	ctx, leave := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		r, _ := http.NewRequestWithContext(ctx, http.MethodGet, c.base, nil)
		_, err := c.do(r)
		done <- err
	}()
	r := receive(t, blocking.arrived)
	expectInFlight(t, fleet.each(1))
	leave()
	if err := receive(t, done); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	expectInFlight(t, nil)
	<-r.Context().Done() // the request ends at the backend too
}

func TestAClientThatLeavesInTheMiddleFreesItsPlace(t *testing.T) {
	ended := make(chan struct{})
	fleet := startBackends(t, 1, func(b *backend, w http.ResponseWriter, r *http.Request) {
		defer close(ended)
		for r.Context().Err() == nil {
			io.WriteString(w, strings.Repeat("x", 1000))
			if http.NewResponseController(w).Flush() != nil {
				return
			}
		}
	})
	c := startProxy(t, pooled(fleet, "")).client()
	response, err := c.Get(c.base)
	if err != nil {
		t.Fatal(err)
	}
	io.CopyN(io.Discard, response.Body, 5000)
	expectInFlight(t, fleet.each(1))
	response.Body.Close()
	expectInFlight(t, nil)
	receive(t, ended)
}

func TestAClientThatLeavesWhileItSendsFreesItsPlace(t *testing.T) {
	reading := make(chan struct{})
	fleet := startBackends(t, 1, func(b *backend, w http.ResponseWriter, r *http.Request) {
		io.ReadFull(r.Body, make([]byte, 4))
		close(reading)
		io.Copy(io.Discard, r.Body)
	})
	c := startProxy(t, pooled(fleet, "lb_retries 3")).client()
	body, writer := io.Pipe()
	done := make(chan error)
	go func() { _, err := c.send(http.MethodPost, "/", body); done <- err }()
	io.WriteString(writer, "half")
	receive(t, reading)
	expectInFlight(t, fleet.each(1))
	writer.CloseWithError(errors.New("the client's disk broke"))
	if err := receive(t, done); err == nil {
		t.Error("the client got an answer")
	}
	expectInFlight(t, nil)
}

func TestABackendThatBreaksOffFreesItsPlace(t *testing.T) {
	fleet := startBackends(t, 1, func(b *backend, w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "1000")
		io.WriteString(w, "half")
		http.NewResponseController(w).Flush()
		closeConnection(w)
	})
	c := startProxy(t, pooled(fleet, "lb_retries 3")).client()
	if a, err := c.get("/"); err == nil || a.body != "half" {
		t.Errorf("read %q, %v", a.body, err)
	}
	expectInFlight(t, nil)
	if n := fleet[0].hits.Load(); n != 1 {
		t.Errorf("%d requests were sent; an answer that has begun cannot be retried", n)
	}
}

func TestAResponseHandlerMayDoAnything(t *testing.T) {
	fleet := startBackends(t, 1, func(b *backend, w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "from the backend")
	})
	c := startProxy(t, pooled(fleet, `
		lb_retries 3
		handle_response {
			route {
				panic /panic
				error /error 418
				respond /respond "from a route" 200
				copy_response
			}
		}`)).client()
	expectStatus(t, http.StatusTeapot)(c.get("/error"))
	if _, err := c.get("/panic"); err == nil {
		t.Error("a panic did not end the connection")
	}
	if a := expectOK(t)(c.get("/respond")); a.body != "from a route" {
		t.Errorf("read %q", a.body)
	}
	if a := expectOK(t)(c.get("/")); a.body != "from the backend" {
		t.Errorf("read %q", a.body)
	}
	expectInFlight(t, nil)
}

func TestARequestRefusedAfterThePickFreesItsPlace(t *testing.T) {
	fleet := startBackends(t, 1)
	c := startProxy(t, pooled(fleet, "request_buffers 1KiB\nheader_up Incremental ?1")).client()
	expectStatus(t, http.StatusNotImplemented)(c.send(http.MethodPost, "/", strings.NewReader("body")))
	expectInFlight(t, nil)
	if n := fleet[0].hits.Load(); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}

func TestAnIncrementalRequestIsRefusedIfBuffered(t *testing.T) {
	c := startProxy(t, pooled(startBackends(t, 1), "request_buffers 1KiB")).client()
	a, err := c.send(http.MethodPost, "/", strings.NewReader("body"), "Incremental", "?1")
	expectStatus(t, http.StatusNotImplemented)(a, err)
}

func TestATimeoutOfTheBackendIsAnswered504(t *testing.T) {
	blocking := newBlockingHandler()
	fleet := startBackends(t, 2, blocking.serve)
	c := startProxy(t, pooled(fleet, "lb_retries 1\ntransport http {\nresponse_header_timeout 50ms\n}")).client()
	expectStatus(t, http.StatusGatewayTimeout)(c.get("/"))
	for range 2 { // a backend may read the request when it has been given up
		receive(t, blocking.arrived)
	}
	if hits := fleet.hits(); hits[0] != 1 || hits[1] != 1 {
		t.Errorf("the backends got the request %v times, want once each", hits)
	}
}

func TestAnErrorRouteMayProxyToTheSamePool(t *testing.T) {
	fleet := startBackends(t, 2, func(b *backend, w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/sorry" {
			io.WriteString(w, "sorry")
			return
		}
		closeConnection(w)
	})
	site := pooled(fleet, reconnecting)
	c := startProxy(t, site+"\nhandle_errors {\nrewrite /sorry\n"+site+"\n}").client()
	if a, err := c.get("/"); err != nil || a.body != "sorry" {
		t.Errorf("%+v, %v", a, err)
	}
	expectInFlight(t, nil)
}

func TestClientsThatLeaveAtAnyMomentLeaveNothingBehind(t *testing.T) {
	fleet := startBackends(t, 3, func(b *backend, w http.ResponseWriter, r *http.Request) {
		for range 5 {
			io.WriteString(w, strings.Repeat("x", 100))
			http.NewResponseController(w).Flush()
			select {
			case <-time.After(time.Millisecond):
			case <-r.Context().Done():
			}
		}
	})
	for policy, line := range ourPolicies {
		t.Run(policy, func(t *testing.T) {
			c := startProxy(t, pooled(fleet, "lb_retries 2\n"+line)).client()
			flood(8, amount(200, 40), func(i int) {
				ctx, leave := context.WithTimeout(t.Context(), time.Duration(i%10)*time.Millisecond)
				defer leave()
				r, _ := http.NewRequestWithContext(ctx, http.MethodGet, c.base, nil)
				c.do(r)
			})
			expectInFlight(t, nil)
		})
	}
}
