package traffic

import (
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"
)

// sickness is what can be wrong with a backend.
type sickness struct {
	name string
	fall func(s *sickbay, b *backend)
	heal func(s *sickbay, b *backend)
}

var sicknesses = []sickness{
	{name: "refuses", fall: func(_ *sickbay, b *backend) { b.kill() }, heal: func(s *sickbay, b *backend) { s.start(b) }},
	{name: "answers 500", fall: does(http.StatusInternalServerError), heal: does(0)},
	{name: "hangs", fall: does(hanging), heal: does(0)},
	{name: "cuts connections", fall: does(cutting), heal: does(0)},
}

const (
	hanging = -1
	cutting = -2
)

// sickbay is backends that do what they are told.
type sickbay struct {
	t     *testing.T
	does  atomic.Int64 // what the first one does: a status, hanging, cutting, or 0 if it is well
	fleet fleet
}

func newSickbay(t *testing.T, n int, serve ...func(*http.Server, net.Listener) error) *sickbay {
	s := &sickbay{t: t}
	for i := range n {
		b := &backend{name: fmt.Sprint("b", i), network: "tcp", address: freeAddress(t), handler: s.serve}
		if len(serve) > 0 {
			b.serve = serve[0]
		}
		b.startFor(t)
		s.fleet = append(s.fleet, b)
	}
	return s
}

func (s *sickbay) serve(b *backend, w http.ResponseWriter, r *http.Request) {
	what := s.does.Load()
	switch {
	case b.name != "b0" || what == 0:
		time.Sleep(time.Millisecond)
		sayName(b, w, r)
	case what == hanging:
		<-r.Context().Done()
	case what == cutting:
		panic(http.ErrAbortHandler)
	default:
		w.WriteHeader(int(what))
	}
}

func (s *sickbay) start(b *backend) {
	if err := b.start(); err != nil {
		s.t.Error(err)
	}
}

// does makes the first backend do something else.
func does(what int64) func(*sickbay, *backend) {
	return func(s *sickbay, _ *backend) { s.does.Store(what) }
}
