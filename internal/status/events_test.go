package status_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

// events returns the lines of the events of the pool web from a revision on. They end with ctx.
func (b *balanced) events(ctx context.Context, last string) *bufio.Scanner {
	b.t.Helper()
	request, err := http.NewRequestWithContext(ctx, "GET", "http://admin/pools/web/events", nil)
	if err != nil {
		b.t.Fatal(err)
	}
	if last != "" {
		request.Header.Set("Last-Event-ID", last)
	}
	client := &http.Client{Transport: caddytest.SingleUseTransport(b.caddy.AdminSocket())}
	response, err := client.Do(request)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { response.Body.Close() })
	if kind := response.Header.Get("Content-Type"); response.StatusCode != 200 || kind != "text/event-stream" {
		b.t.Fatalf("%s, %s", response.Status, kind)
	}
	return bufio.NewScanner(response.Body)
}

// await reads until a line begins with a prefix, and returns the rest of that line.
func await(t *testing.T, lines *bufio.Scanner, prefix string) string {
	t.Helper()
	for lines.Scan() {
		if rest, found := strings.CutPrefix(lines.Text(), prefix); found {
			return rest
		}
	}
	t.Fatalf("the events end before %q: %v", prefix, lines.Err())
	return ""
}

func TestEventsComeAsTheyHappenAndResume(t *testing.T) {
	b := startBalanced(t, 2)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	lines := b.events(ctx, "")
	b.want("PATCH", b.endpoint(0), `{"weight": 5}`, 200, "")
	last := await(t, lines, "id: ")
	await(t, lines, "event: override")
	if data := await(t, lines, "data: "); !strings.Contains(data, `"event":"weight 5"`) {
		t.Errorf("the event is %s", data)
	}
	cancel()
	b.want("PATCH", b.endpoint(0), `{"weight": 6}`, 200, "")
	b.want("PATCH", b.endpoint(0), `{"weight": 7}`, 200, "")
	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	lines = b.events(ctx, last)
	for _, missed := range []string{"weight 6", "weight 7"} {
		if data := await(t, lines, "data: "); !strings.Contains(data, missed) {
			t.Errorf("after the resumption comes %s, want %s", data, missed)
		}
	}
}

func TestAReloadDoesNotWaitForStreams(t *testing.T) {
	b := startBalanced(t, 1)
	lines := b.events(t.Context(), "")
	b.caddy.Start(strings.Replace(b.config, "source static", "initial_wait 9s\nsource static", 1))
	for lines.Scan() { // until the stream ends, or the test times out
	}
}

// A client that reads nothing must not hold a reload up, nor anything in memory after it.
func TestAReloadDoesNotWaitForStreamsThatAreNotRead(t *testing.T) {
	b := startBalanced(t, 1)
	var unread []net.Conn
	for range 3 {
		conn, err := net.Dial("unix", b.caddy.AdminSocket())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprint(conn, "GET /pools/web/events HTTP/1.1\r\nHost: admin\r\n\r\n")
		unread = append(unread, conn)
	}
	long := strings.Repeat("x", 1000)
	for i := range 400 { // more than the buffers of the sockets hold
		b.want("PATCH", b.endpoint(0), fmt.Sprintf(`{"weight": %d, "reason": %q}`, i+1, long), 200, "")
	}
	began := time.Now()
	b.caddy.Start(strings.Replace(b.config, "source static", "initial_wait 9s\nsource static", 1))
	if took := time.Since(began); took > 8*time.Second { // Caddy gives up after ten
		t.Errorf("the reload waited for %s", took)
	}
	for _, conn := range unread {
		if _, err := io.Copy(io.Discard, conn); err != nil { // until Caddy has closed the connection
			t.Log(err)
		}
	}
}
