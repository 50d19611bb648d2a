package healthprobe

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"
)

// waited reads an answer with the settings of a probe, until it is as expected.
func waited(t *testing.T, p *TCPProbe, r io.Reader) (*tcpAnswer, error) {
	provisioned(t, p)
	a := &tcpAnswer{expected: []byte(p.Expect)}
	if p.pattern != nil {
		a.pattern = p.pattern.fixed
	}
	return a, a.wait(t.Context(), r)
}

func TestWhatIsExpectedMayComeInPiecesOfAnySize(t *testing.T) {
	text := strings.Repeat("x", 5000) + "PONG"
	for name, r := range map[string]func() io.Reader{
		"one piece":    func() io.Reader { return strings.NewReader(text) },
		"single bytes": func() io.Reader { return iotest.OneByteReader(strings.NewReader(text)) },
		"halves":       func() io.Reader { return iotest.HalfReader(strings.NewReader(text)) },
		"end at once":  func() io.Reader { return iotest.DataErrReader(strings.NewReader(text)) },
	} {
		for _, p := range []*TCPProbe{{Expect: "PONG"}, {ExpectRegexp: "PO[MN]G$"}, {ExpectRegexp: "^x+PONG"}} {
			synctest.Test(t, func(t *testing.T) {
				if a, err := waited(t, p, r()); err != nil || len(a.text) != len(text) {
					t.Errorf("%s, %+v: %v after %d bytes", name, p, err, len(a.text))
				}
			})
		}
	}
}

func TestAnEmptyAnswerMayBeExpected(t *testing.T) {
	for _, c := range []struct {
		pattern string
		want    error
	}{{"^$", nil}, {".", io.EOF}} {
		if _, err := waited(t, &TCPProbe{ExpectRegexp: c.pattern}, strings.NewReader("")); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", c.pattern, err, c.want)
		}
	}
}

// A match takes time in proportion to the answer so far, so that of a sender of single bytes would
// take its square.
func TestASenderOfSingleBytesCostsLittle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		sender := iotest.OneByteReader(strings.NewReader(strings.Repeat("x", 2*maxAnswer)))
		a, err := waited(t, &TCPProbe{ExpectRegexp: "PO[MN]G"}, sender)
		if !errors.Is(err, io.EOF) || len(a.text) != maxAnswer {
			t.Errorf("got %v after %d bytes", err, len(a.text))
		}
		seconds := int(time.Since(start)/time.Second) + 1
		if most := (1 + seconds) * searchRate; a.searched > most {
			t.Errorf("%d bytes were searched in %d s, want at most %d", a.searched, seconds, most)
		}
	})
}

// packets is an answer of which a KiB comes every millisecond.
type packets struct {
	start time.Time
	read  int
}

func (p *packets) Read(into []byte) (int, error) {
	next := p.start.Add(time.Duration(p.read/1024+1) * time.Millisecond)
	time.Sleep(time.Until(next))
	n := min(len(into), int(time.Since(p.start)/time.Millisecond)*1024-p.read)
	p.read += n
	return n, nil
}

func TestALargeAnswerInSmallPiecesIsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		a, err := waited(t, &TCPProbe{ExpectRegexp: "PO[MN]G"}, &packets{start: start})
		took := time.Since(start)
		if !errors.Is(err, io.EOF) || len(a.text) != maxAnswer || took > 500*time.Millisecond {
			t.Errorf("got %v after %d bytes and %s", err, len(a.text), took)
		}
	})
}

func TestAPauseEndsWithTheCheck(t *testing.T) {
	probe := provisioned(t, &TCPProbe{ExpectRegexp: "PO[MN]G"})
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		sender := iotest.OneByteReader(strings.NewReader(strings.Repeat("x", maxAnswer)))
		wantError(t, "", probe.checkAnswer(ctx, sender, web7, ""), `waiting for a match of "PO[MN]G": timed out`)
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("the check took %s", took)
		}
	})
}
