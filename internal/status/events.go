package status

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// keepAlive is how often a stream without events sends a comment, so that the connection stays open
// and a client that went away is noticed.
const keepAlive = 15 * time.Second

// streamEvents sends the changes of a pool as server-sent events. The id of an event is its
// revision, by which a client resumes. A client that does not resume gets what comes from now on,
// or with "after" what came after that revision. With "figures" it gets those too, at that
// interval. A reload ends the stream, and the client resumes at the new server.
func streamEvents(w http.ResponseWriter, r *http.Request) error {
	roster, err := rosterOf(r)
	if err != nil {
		return err
	}
	sent, err := resumeAfter(r, roster)
	if err != nil {
		return err
	}
	interval, err := figuresInterval(r)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-cache")
	w.WriteHeader(http.StatusOK)
	s := &stream{
		w: w, stall: stall{control: http.NewResponseController(w)}, roster: roster, sent: sent, interval: interval,
	}
	s.run(r)
	return nil
}

// resumeAfter returns the last revision that a client has.
func resumeAfter(r *http.Request, roster *endpoint.Roster) (uint64, error) {
	name, text := "Last-Event-ID", r.Header.Get("Last-Event-ID")
	if text == "" {
		name, text = "after", r.URL.Query().Get("after")
	}
	if text == "" {
		return roster.LastRevision(), nil
	}
	after, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, refuse(http.StatusBadRequest, fmt.Errorf("%s: %q is not a revision such as 12", name, text))
	}
	return min(after, roster.LastRevision()), nil // that of an earlier process may be greater
}

// stream writes events until the client has gone, the server shuts down, or no config has the pool.
type stream struct {
	w        http.ResponseWriter
	stall    stall
	roster   *endpoint.Roster
	sent     uint64        // the revision that was sent last
	interval time.Duration // of figures; 0 for none
	figures  figures
	err      error
}

func (s *stream) run(r *http.Request) {
	changes, stop := s.roster.Changes()
	defer stop()
	timer := time.NewTicker(cmp.Or(s.interval, keepAlive))
	defer timer.Stop()
	shutdown := shutdownOf(r)
	defer s.stall.endWith(shutdown)()
	s.sendChanges()
	s.sendRegularly()
	for s.err == nil {
		select {
		case <-r.Context().Done():
			return
		case <-shutdown:
			return
		case <-timer.C:
			if s.roster = endpoint.Current(s.roster.Name()); s.roster == nil || caddy.Exiting() {
				return
			}
			s.sendRegularly()
		case <-changes:
			s.sendChanges()
		}
	}
}

// sendChanges sends what has changed since the last time.
func (s *stream) sendChanges() {
	for _, entry := range s.roster.History(s.sent) {
		s.sent = entry.Revision
		s.write(fmt.Sprintf("id: %d\n", entry.Revision))
		s.sendEvent(string(entry.Kind), &entry)
	}
	s.flushAll()
}

// sendRegularly sends figures, or something that keeps the connection open.
func (s *stream) sendRegularly() {
	if s.interval > 0 {
		s.sendFigures()
	} else {
		s.write(": nothing new\n\n")
	}
	s.flushAll()
}

func (s *stream) sendEvent(kind string, value any) {
	data, err := json.Marshal(value)
	if err != nil {
		s.err = err
		return
	}
	s.write(fmt.Sprintf("event: %s\ndata: %s\n\n", kind, data))
}

func (s *stream) write(text string) {
	if s.err == nil {
		s.err = s.stall.bounded(func() error {
			_, err := s.w.Write([]byte(text))
			return err
		})
	}
}

func (s *stream) flushAll() {
	if s.err == nil {
		s.err = s.stall.bounded(s.stall.control.Flush)
	}
}
