package attempt

import (
	"errors"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// streamTrial is one connection to the only endpoint of a pool.
type streamTrial struct {
	*testing.T
	endpoint *endpoint.Endpoint
	stream   *Stream
	leave    func() // ends the context of the connection
}

func stream(t *testing.T, test func(*streamTrial)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		roster, release := endpoint.AcquireStatic()
		defer release()
		roster.Replace([]listing.Info{{Address: "a:1", Weight: 1}})
		c := &streamTrial{T: t, endpoint: roster.Snapshot().Members[0].Endpoint}
		r, cancel := newRequest(t)
		c.leave = cancel
		attempts := NewStreamTransport(func() string { return "" }).Attempts(r)
		if !attempts.Take(c.endpoint, 0) {
			t.Fatal("no place")
		}
		c.stream = attempts.BeginStream()
		test(c)
		cancel()
		synctest.Wait()
		if n := c.endpoint.InFlight(); n != 0 {
			t.Errorf("%d in flight", n)
		}
	})
}

func (c *streamTrial) want(end endpoint.Ending, firstByte time.Duration) {
	c.Helper()
	c.stream.End()
	var t endpoint.Totals
	c.endpoint.AddTotals(&t)
	if t.Attempts() != 1 || t.Endings[end] != 1 {
		c.Errorf("the endings are %v, want one of %s", t.Endings, end.Reason())
	}
	if got := t.FirstByte.Sum; got != firstByte {
		c.Errorf("the time to first byte is %s, want %s", got, firstByte)
	}
}

func TestTheLatencyOfAConnectionIsThatOfItsEndpoint(t *testing.T) {
	stream(t, func(c *streamTrial) {
		time.Sleep(2 * time.Millisecond)
		c.stream.Connect()
		time.Sleep(time.Hour) // the client says nothing
		c.stream.Ask()
		time.Sleep(3 * time.Millisecond)
		c.stream.Answer()
		time.Sleep(time.Hour)
		c.stream.Answer()
		c.want(endpoint.Answered, 5*time.Millisecond)
	})
}

func TestTheLatencyOfAnEndpointThatSpeaksFirstCountsFromTheConnection(t *testing.T) {
	stream(t, func(c *streamTrial) {
		time.Sleep(2 * time.Millisecond)
		c.stream.Connect()
		time.Sleep(3 * time.Millisecond)
		c.stream.Answer()
		c.want(endpoint.Answered, 5*time.Millisecond)
	})
}

func TestHowConnectionsEnd(t *testing.T) {
	refused := netError("dial", syscall.ECONNREFUSED)
	reset := netError("read", syscall.ECONNRESET)
	for name, c := range map[string]struct {
		happens func(*Stream)
		want    endpoint.Ending
	}{
		"refused":                      {func(s *Stream) { s.Fail(refused, true) }, endpoint.FailedRefused},
		"no handshake":                 {func(s *Stream) { s.Fail(errors.New("no"), false) }, endpoint.FailedOther},
		"the client asks nothing":      {func(s *Stream) { s.Connect() }, endpoint.ClientLeft},
		"the client leaves":            {func(s *Stream) { s.Connect(); s.Ask() }, endpoint.ClientLeft},
		"closed, though nothing asked": {func(s *Stream) { s.Connect(); s.Break(nil) }, endpoint.ClientLeft},
		"closed without an answer":     {func(s *Stream) { s.Connect(); s.Ask(); s.Break(nil) }, endpoint.FailedReset},
		"reset without an answer":      {func(s *Stream) { s.Connect(); s.Break(reset) }, endpoint.FailedReset},
		"a datagram finds no socket":   {func(s *Stream) { s.Connect(); s.Ask(); s.Break(refused) }, endpoint.FailedRefused},
		"reset after an answer":        {func(s *Stream) { s.Connect(); s.Answer(); s.Break(reset) }, endpoint.FailedBrokenOff},
	} {
		t.Run(name, func(t *testing.T) {
			stream(t, func(got *streamTrial) {
				c.happens(got.stream)
				got.stream.End()
				var totals endpoint.Totals
				got.endpoint.AddTotals(&totals)
				if totals.Attempts() != 1 || totals.Endings[c.want] != 1 {
					t.Errorf("the endings are %v, want one of %s", totals.Endings, c.want.Reason())
				}
			})
		})
	}
}

func TestAConnectionThatEndsWithItsContextGivesItsPlaceBack(t *testing.T) {
	stream(t, func(c *streamTrial) {
		c.stream.Connect()
		c.leave()
	})
}
