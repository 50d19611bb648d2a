package pool

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/bounded"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

const (
	// controlPatience is how long the start of a pool waits for what operators have decided, so
	// that an endpoint in maintenance gets no request even then. The requests of the pool wait as
	// well, so a storage that takes longer is not waited for.
	controlPatience = 200 * time.Millisecond

	// controlTimeout is the maximum time of a call of the storage.
	controlTimeout = time.Second
)

// controlStore keeps in Caddy's storage what operators have decided about a pool, so that it holds
// over restarts. One goroutine reads, writes and lets decisions end.
type controlStore struct {
	pool     string
	instance func() (string, error)
	roster   *endpoint.Roster
	log      func() *zap.Logger
	calls    bounded.Caller
	outage   outage
	stored   bool // whether there may be a record in the storage
}

// controlRecord is the stored form.
type controlRecord struct {
	Version int `json:"version"`
	endpoint.Control
}

// startRestoring begins to restore and waits for it, but not for long. The channel is closed when
// that has ended.
func (s *controlStore) startRestoring(ctx context.Context) (ended <-chan struct{}) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.restore(ctx)
	}()
	patience := time.NewTimer(controlPatience)
	defer patience.Stop()
	select {
	case <-done:
	case <-patience.C:
	}
	return done
}

// restore reads what operators had decided before Caddy was restarted. A storage that cannot be
// read is asked again later; a record that cannot be understood is given up.
func (s *controlStore) restore(ctx context.Context) {
	if !s.roster.NeedsControl() {
		s.stored = true
		return
	}
	var data []byte
	err := s.calls.Call(ctx, controlTimeout, func(ctx context.Context) error {
		key, err := s.key()
		if err != nil {
			return err
		}
		loaded, err := s.roster.Storage().Load(ctx, key)
		data = loaded
		return err
	})
	switch {
	case err == nil:
		s.stored = true
		s.apply(data)
	case errors.Is(err, fs.ErrNotExist):
		s.roster.RestoreControl(endpoint.Control{}, time.Now())
	case ctx.Err() == nil && s.outage.begin(err, time.Now()):
		s.log().Error("what operators had decided cannot be read, and does not hold until it can", zap.Error(err))
	}
}

// apply makes a stored record hold.
func (s *controlStore) apply(data []byte) {
	record, err := decodeControl(data)
	if err != nil {
		s.log().Error("what operators had decided is not readable, and does not hold any more", zap.Error(err))
		record = controlRecord{}
	}
	s.roster.RestoreControl(record.Control, time.Now())
	if !record.Empty() {
		s.log().Info("what operators had decided holds again",
			zap.Int("overrides", len(record.Overrides)), zap.Bool("frozen", record.Frozen != nil),
			zap.Int("groups", len(record.Groups)))
	}
}

func decodeControl(data []byte) (record controlRecord, err error) {
	if err := json.Unmarshal(data, &record); err != nil {
		return record, err
	}
	if record.Version != recordVersion {
		return record, fmt.Errorf("version: is %d; expected %d", record.Version, recordVersion)
	}
	if record.Frozen != nil && len(record.Endpoints) == 0 {
		return record, errors.New("endpoints: the frozen list is missing")
	}
	known := make(map[string]bool, len(record.Endpoints))
	for i := range record.Endpoints {
		e := &record.Endpoints[i]
		if err := e.Normalize(); err != nil {
			return record, fmt.Errorf("endpoints: %w", err)
		}
		if known[e.Address] {
			return record, fmt.Errorf("endpoints: %s is there twice", e.Address)
		}
		known[e.Address] = true
	}
	return record, nil
}

func (s *controlStore) key() (string, error) {
	id, err := s.instance()
	if err != nil {
		return "", fmt.Errorf("the instance ID of Caddy: %w", err)
	}
	return discovery.Origin{Instance: id, Pool: s.pool, Source: "control"}.Key(""), nil
}

// run stores what operators decide until ctx ends, and lets it end at its time.
func (s *controlStore) run(ctx context.Context) {
	upkeep := time.NewTicker(upkeepInterval)
	defer upkeep.Stop()
	expiry := time.NewTimer(0)
	defer expiry.Stop()
	retry := time.NewTicker(writeInterval)
	defer retry.Stop()
	for {
		select {
		case <-ctx.Done():
			s.saveLast(ctx)
			s.roster.HandOverControl()
			return
		case <-expiry.C:
		case <-retry.C:
			if s.roster.NeedsControl() {
				s.restore(ctx)
			} else {
				retry.Stop()
			}
		case <-upkeep.C: // shows that the record is in use
			s.save(ctx)
		case <-s.roster.ControlChanged():
			s.save(ctx)
		}
		expiry.Stop()
		if next := s.roster.ExpireOverrides(time.Now()); !next.IsZero() {
			expiry.Reset(time.Until(next))
		}
	}
}

// saveLast stores what was decided at the last moment.
func (s *controlStore) saveLast(ctx context.Context) {
	select {
	case <-s.roster.ControlChanged():
		s.save(ctx)
	default:
	}
}

func (s *controlStore) save(ctx context.Context) {
	s.roster.StoreControl(func(control endpoint.Control) { s.store(ctx, control) })
}

func (s *controlStore) store(ctx context.Context, control endpoint.Control) {
	if control.Empty() && !s.stored || s.roster.NeedsControl() {
		return
	}
	// A reload must not lose a decision of the moment before it.
	ctx = context.WithoutCancel(ctx)
	err := s.calls.Call(ctx, controlTimeout, func(ctx context.Context) error {
		key, err := s.key()
		if err != nil {
			return err
		}
		if control.Empty() {
			return s.roster.Storage().Delete(ctx, key)
		}
		data, err := json.Marshal(controlRecord{recordVersion, control})
		if err != nil {
			return err
		}
		return s.roster.Storage().Store(ctx, key, data)
	})
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		s.stored = !control.Empty()
		s.outage.end(time.Now())
	} else if s.outage.begin(err, time.Now()) {
		s.log().Error("what operators decide is not stored and will not hold over a restart", zap.Error(err))
	}
}
