package command

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// onChange is called with a change and the JSON that it was read from.
type onChange func(e *endpoint.HistoryEntry, data string) error

// follow calls do for each change of a pool from now on, until that fails or the pool goes. It
// connects again when the stream ends, and misses nothing that the pool still remembers.
func (s *session) follow(ctx context.Context, pool string, do onChange) error {
	var p poolAnswer
	if err := s.get(ctx, request{pool: pool}, &p); err != nil {
		return err
	}
	for last := fmt.Sprint(p.Revision); ; {
		err := s.stream(ctx, pool, &last, do)
		if err != nil && codeOf(err) != codeUnreachable {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(lastPause):
		}
	}
}

// stream reads one stream of changes to its end. last is the id of the last change, which it
// updates.
func (s *session) stream(ctx context.Context, pool string, last *string, do onChange) error {
	r := request{pool: pool, action: "events"}
	response, err := s.open(ctx, r, http.Header{"Last-Event-Id": {*last}})
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		data, _ := io.ReadAll(response.Body) // what has arrived is all that can be shown
		return s.refusal(ctx, r, response.StatusCode, data)
	}
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		field, value, _ := strings.Cut(lines.Text(), ": ")
		switch field {
		case "id":
			*last = value
		case "data":
			var e endpoint.HistoryEntry
			if err := decode([]byte(value), &e); err != nil {
				return err
			}
			if err := do(&e, value); err != nil {
				return err
			}
		}
	}
	return nil // the next stream goes on from the last change
}
