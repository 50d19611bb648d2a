package status

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// keepAlive is how often a stream without events sends a comment, so that the connection stays open
// and a client that went away is noticed.
const keepAlive = 15 * time.Second

// streamEvents sends the changes of a pool as server-sent events. The id of an event is its
// revision, by which a client resumes. A client that does not resume gets what comes from now on. A
// reload ends the stream, and the client resumes at the new admin endpoint.
func (a *AdminPools) streamEvents(w http.ResponseWriter, r *http.Request) error {
	roster, err := rosterOf(r)
	if err != nil {
		return err
	}
	sent := roster.LastRevision()
	if last := r.Header.Get("Last-Event-ID"); last != "" {
		if sent, err = strconv.ParseUint(last, 10, 64); err != nil {
			return refuse(http.StatusBadRequest, fmt.Errorf("Last-Event-ID: %q is not a revision such as 12", last))
		}
		sent = min(sent, roster.LastRevision()) // that of an earlier process may be greater
	}
	s := &stream{w: w, control: http.NewResponseController(w), ended: a.ended}
	defer s.endWithConfig()()
	changes, stop := roster.Changes()
	defer stop()
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-cache")
	w.WriteHeader(http.StatusOK)
	quiet := time.NewTicker(keepAlive)
	defer quiet.Stop()
	for {
		sent = s.send(roster.History(sent), sent)
		if s.err != nil {
			return nil //nolint:nilerr // the client has gone
		}
		select {
		case <-r.Context().Done():
			return nil
		case <-a.ended:
			return nil
		case <-quiet.C:
			s.write(": nothing new\n\n")
			s.flush()
			if roster = endpoint.Current(roster.Name()); roster == nil {
				return nil // no config has the pool any more
			}
		case <-changes:
		}
	}
}

// stream writes events until the client has gone, or does not read.
type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	ended   <-chan struct{}
	err     error
}

// maxStall is how long a client may leave events unread beyond what the kernel holds for it.
const maxStall = 10 * time.Second

// endWithConfig ends a write that waits for the client when the config ends, because a reload waits
// for it. It returns a function that ends the waiting.
func (s *stream) endWithConfig() (stop func()) {
	done, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		select {
		case <-s.ended:
			_ = s.control.SetWriteDeadline(time.Now()) // without deadlines, maxStall has none either
		case <-done:
		}
	}()
	return func() { close(done); <-over }
}

// send sends changes, and returns the revision of the last one.
func (s *stream) send(entries []endpoint.HistoryEntry, last uint64) uint64 {
	for i := range entries {
		data, err := json.Marshal(&entries[i])
		if err != nil {
			s.err = err
			return last
		}
		last = entries[i].Revision
		s.write(fmt.Sprintf("id: %d\nevent: %s\ndata: %s\n\n", last, entries[i].Kind, data))
	}
	s.flush()
	return last
}

func (s *stream) write(text string) {
	s.try(func() error {
		_, err := s.w.Write([]byte(text))
		return err
	})
}

// flush sends what was written. Events that come together are sent together.
func (s *stream) flush() { s.try(s.control.Flush) }

// try does what may wait for the client, unless the stream has failed or the config has ended.
func (s *stream) try(do func() error) {
	if s.err != nil {
		return
	}
	_ = s.control.SetWriteDeadline(time.Now().Add(maxStall))
	select {
	case <-s.ended: // the deadline must not replace the one of the end
		s.err = errConfigEnded
	default:
		s.err = do()
	}
}

var errConfigEnded = errors.New("the config has ended")
