package healthprobe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"
)

// maxAnswer is the maximum number of bytes to read before the check gives up, because some
// endpoints never stop sending.
const maxAnswer = 64 << 10

// tcpAnswer is an answer that comes in pieces, and what it is searched for.
type tcpAnswer struct {
	text     []byte
	pattern  *regexp.Regexp // nil to search for expected
	expected []byte

	start    time.Time
	searched int // bytes that the pattern was matched against, all matches together
}

// searchRate is how many bytes the probe may search at once, and how many in each second after
// that. A pattern is matched against the whole answer after each piece, because a match may begin
// anywhere. An endpoint that sends single bytes would make that 64 KiB times 64 KiB, or a minute of
// CPU time. The limit is as much as 64 KiB in 15 pieces need. What comes during a pause is one
// piece, so a large answer in small pieces costs some tenths of a second and does not fail.
const searchRate = 512 << 10

// read reads one piece. The buffer grows with the answer, because what has come during a pause
// should be one piece.
func (a *tcpAnswer) read(r io.Reader) (n int, err error) {
	free := min(max(len(a.text), 4096), maxAnswer-len(a.text))
	a.text = slices.Grow(a.text, free)
	n, err = r.Read(a.text[len(a.text) : len(a.text)+free])
	a.text = a.text[:len(a.text)+n]
	return n, err
}

// matches reports whether the answer is as expected, of which the last n bytes are new.
func (a *tcpAnswer) matches(n int) bool {
	if a.pattern != nil {
		a.searched += len(a.text)
		return a.pattern.Match(a.text)
	}
	old := len(a.text) - n
	return bytes.Contains(a.text[max(0, old-len(a.expected)+1):], a.expected)
}

// pause returns how long to wait before the next piece.
func (a *tcpAnswer) pause(now time.Time) time.Duration {
	excess := max(0, a.searched-searchRate)
	earliest := a.start.Add(time.Duration(excess) * time.Second / searchRate)
	return earliest.Sub(now)
}

// wait reads until the answer is as expected. It leaves the rest unread, because the rest does not
// matter and may never end. It returns io.EOF if the answer is over and not as expected.
func (a *tcpAnswer) wait(ctx context.Context, r io.Reader) error {
	a.start = time.Now()
	for len(a.text) < maxAnswer {
		n, err := a.read(r)
		isEmpty := errors.Is(err, io.EOF) && len(a.text) == 0 // which may be what is expected
		if (n > 0 || isEmpty) && a.matches(n) {
			return nil
		}
		if err != nil {
			return err
		}
		if d := a.pause(time.Now()); d > 0 {
			if err := sleep(ctx, d); err != nil {
				return err
			}
		}
	}
	return io.EOF
}

// sleep waits for a time. It fails when ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// checkAnswer returns why the answer of an endpoint to what was sent is not as expected, nil if it
// is.
func (p *TCPProbe) checkAnswer(ctx context.Context, connected io.Reader, e *Endpoint, sent string) error {
	if p.Expect == "" && p.pattern == nil {
		return nil
	}
	a := tcpAnswer{expected: []byte(p.expect.expand(e))}
	if p.pattern != nil {
		var err error
		if a.pattern, err = p.pattern.of(e); err != nil {
			return err
		}
	}
	switch err := a.wait(ctx, connected); {
	case err == nil:
		return nil
	case !errors.Is(err, io.EOF):
		return fmt.Errorf("waiting for %s: %w", p.expectation(), Reason(ctx, err))
	}
	return fmt.Errorf("the answer, %s, is not %s", excerpt(a.text, sent), p.expectation())
}

// expectation describes the expected answer in errors. It shows the setting and not its value,
// because a placeholder may stand for a secret.
func (p *TCPProbe) expectation() string {
	if p.pattern != nil {
		return fmt.Sprintf("a match of %q", p.ExpectRegexp)
	}
	return fmt.Sprintf("%q", p.Expect)
}

// excerpt quotes the beginning of an answer, enough to recognize what went wrong. It does not
// show what was sent.
func excerpt(answer []byte, sent string) string {
	const maxLength = 60
	answer = []byte(hide(string(answer), sent))
	if len(answer) > maxLength {
		return fmt.Sprintf("%q...", answer[:maxLength])
	}
	return fmt.Sprintf("%q", answer)
}

// hide leaves what was sent out of a text about the answer, because it may be a password.
func hide(text, sent string) string {
	if sent = strings.TrimSpace(sent); sent == "" {
		return text
	}
	return strings.ReplaceAll(text, sent, "...")
}
