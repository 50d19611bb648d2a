package attempt

import (
	"fmt"
	"strings"
	"time"

	"go.uber.org/zap/zapcore"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/load"
)

// times are the moments of an attempt; zero if they have not come. Those of an attempt that was
// sent again on a fresh connection are of the first try, except for what came after it.
type times struct {
	sent, connected, firstByte, over load.Instant
}

// Record is an attempt of a request, for a log.
type Record struct {
	// Address is that of the endpoint.
	Address string

	// Outcome is worked, failed or nothing, and Reason says why. It is pending until it is known.
	Outcome, Reason string

	// Pick is why the endpoint was picked.
	Pick string

	// Status is that of the answer, 0 without one.
	Status int

	// Connect, FirstByte and LastByte are how long after it was sent the attempt had a connection,
	// the first byte of the answer and its last one; negative if it had none.
	Connect, FirstByte, LastByte time.Duration
}

// forLog returns what is known of the attempt.
func (a *Attempt) forLog() Record {
	a.mu.Lock()
	defer a.mu.Unlock()
	r := Record{
		Address: a.endpoint.Address(), Outcome: "pending", Pick: a.reason.String(), Status: a.status,
		Connect: a.times.since(a.times.connected), FirstByte: a.times.since(a.times.firstByte),
		LastByte: a.times.since(a.times.over),
	}
	if a.stage >= answered {
		r.Outcome, r.Reason = a.ending.Outcome(), a.ending.Reason()
	}
	if a.status == 0 {
		r.LastByte = -1
	}
	return r
}

func (t *times) since(at load.Instant) time.Duration {
	if t.sent == 0 || at == 0 {
		return -1
	}
	return max(at.Sub(t.sent), 0)
}

// Records are the attempts of a request, in their order. Caddy's logs have them as an array, and
// placeholders within a text as one text.
type Records []Record

// String implements fmt.Stringer: each attempt is its address, outcome, reason, status and three
// times in seconds, and a dash stands for what there was not.
func (r Records) String() string {
	texts := make([]string, len(r))
	for i := range r {
		texts[i] = r[i].String()
	}
	return strings.Join(texts, ", ")
}

// String implements fmt.Stringer.
func (r Record) String() string {
	status := "-"
	if r.Status != 0 {
		status = fmt.Sprint(r.Status)
	}
	return strings.Join([]string{
		r.Address, dashed(r.Outcome), dashed(r.Reason), status,
		seconds(r.Connect), seconds(r.FirstByte), seconds(r.LastByte),
	}, " ")
}

func dashed(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

func seconds(d time.Duration) string {
	if d < 0 {
		return "-"
	}
	return fmt.Sprintf("%.3f", d.Seconds())
}

// MarshalLogArray implements zapcore.ArrayMarshaler.
func (r Records) MarshalLogArray(array zapcore.ArrayEncoder) error {
	for i := range r {
		if err := array.AppendObject(&r[i]); err != nil {
			return err
		}
	}
	return nil
}

// MarshalLogObject implements zapcore.ObjectMarshaler.
func (r *Record) MarshalLogObject(o zapcore.ObjectEncoder) error {
	o.AddString("address", r.Address)
	o.AddString("pick", r.Pick)
	o.AddString("outcome", r.Outcome)
	if r.Reason != "" {
		o.AddString("reason", r.Reason)
	}
	if r.Status != 0 {
		o.AddInt("status", r.Status)
	}
	for _, t := range []struct {
		name string
		time time.Duration
	}{{"connect", r.Connect}, {"first_byte", r.FirstByte}, {"last_byte", r.LastByte}} {
		if t.time >= 0 {
			o.AddFloat64(t.name, t.time.Seconds())
		}
	}
	return nil
}

// member returns what the handler's pools say of an endpoint, and the name of the pool; nil for
// static upstreams.
func (t *Transport) member(e *endpoint.Endpoint) (pool string, m *endpoint.Member) {
	for _, r := range t.rosters {
		if m := r.Snapshot().Find(e.Address()); m != nil && m.Endpoint == e {
			return r.Name(), m
		}
	}
	return "", nil
}
