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
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// controlTimeout is how long the start of a pool waits for what operators have decided, so that an
// endpoint in maintenance gets no request even then. A storage that takes longer is waited for no
// more than a second, because the requests of the pool wait as well.
const controlTimeout = time.Second

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

// restore reads what operators had decided before Caddy was restarted.
func (s *controlStore) restore(ctx context.Context) {
	if !s.roster.NeedsControl() {
		s.stored = true
		return
	}
	var record controlRecord
	err := s.calls.Call(ctx, controlTimeout, func(ctx context.Context) (err error) {
		record, err = s.read(ctx)
		return err
	})
	switch {
	case err == nil:
		s.stored = true
	case errors.Is(err, fs.ErrNotExist):
		record = controlRecord{}
	default:
		if ctx.Err() == nil {
			s.log().Error("what operators had decided is not readable, and does not hold any more", zap.Error(err))
		}
		return
	}
	s.roster.RestoreControl(record.Control, time.Now())
	if !record.Empty() {
		s.log().Info("what operators had decided holds again",
			zap.Int("overrides", len(record.Overrides)), zap.Bool("frozen", record.Frozen != nil))
	}
}

func (s *controlStore) read(ctx context.Context) (record controlRecord, err error) {
	key, err := s.key()
	if err != nil {
		return record, err
	}
	data, err := s.roster.Storage().Load(ctx, key)
	if err != nil {
		return record, err
	}
	if err := json.Unmarshal(data, &record); err != nil {
		return record, fmt.Errorf("%s: %w", key, err)
	}
	if record.Version != recordVersion {
		return record, fmt.Errorf("%s: version: is %d; expected %d", key, record.Version, recordVersion)
	}
	return record, checkInfos(record.Endpoints)
}

func checkInfos(infos []listing.Info) error {
	for i := range infos {
		if err := infos[i].Normalize(); err != nil {
			return fmt.Errorf("endpoints: %w", err)
		}
	}
	return nil
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
	for {
		select {
		case <-ctx.Done():
			return
		case <-expiry.C:
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

func (s *controlStore) save(ctx context.Context) {
	control := s.roster.Control()
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
