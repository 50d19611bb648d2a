package pool

import (
	"context"
	"fmt"
	"sync"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyevents"
)

// eventEmitter returns a function that hands events to Caddy's events app, where the config can
// subscribe programs to them. The function waits until the config has started: the app knows no
// subscribers before its own start, and must not be called while it adds them.
func eventEmitter(ctx caddy.Context) (func(name string, data map[string]any), error) {
	app, err := ctx.App("events")
	if err != nil {
		return nil, fmt.Errorf("loading the events app: %w", err)
	}
	events := app.(*caddyevents.App)
	config := newStart()
	if err := events.On("started", config); err != nil {
		return nil, fmt.Errorf("subscribing to the start of the config: %w", err)
	}
	return func(name string, data map[string]any) {
		select {
		case <-config.started:
			events.Emit(ctx, name, data)
		case <-ctx.Done(): // the config failed to load
		}
	}, nil
}

// start is the start of a config.
type start struct {
	started chan struct{} // closed once the config has started
	once    sync.Once
}

func newStart() *start { return &start{started: make(chan struct{})} }

// Handle implements caddyevents.Handler.
func (s *start) Handle(context.Context, caddy.Event) error {
	s.once.Do(func() { close(s.started) })
	return nil
}
