package pool

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// record is the last good list of a source as it is stored.
type record struct {
	Version   int            `json:"version"`
	Time      time.Time      `json:"time"` // when the list last changed
	Endpoints []listing.Info `json:"endpoints"`
}

// recordVersion goes up when an older Caddy could misread what a newer one stores, or the other way round.
const recordVersion = 1

func encodeRecord(list []listing.Info, at time.Time) ([]byte, error) {
	return json.Marshal(record{Version: recordVersion, Time: at.UTC().Truncate(time.Second), Endpoints: list})
}

// decodeRecord trusts nothing: storage may be shared, or hold what a full disk left of a file. One
// mistake in a list that no person wrote means that the rest is not to be relied on either.
func decodeRecord(data []byte) (list []listing.Info, at time.Time, err error) {
	var r struct {
		Version   int             `json:"version"`
		Time      time.Time       `json:"time"`
		Endpoints json.RawMessage `json:"endpoints"`
	}
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, time.Time{}, err
	}
	if r.Version != recordVersion {
		return nil, time.Time{}, fmt.Errorf("version: is %d; expected %d", r.Version, recordVersion)
	}
	if len(r.Endpoints) == 0 || r.Endpoints[0] != '[' { // which DecodeList would take for YAML
		return nil, time.Time{}, errors.New("endpoints: expected a list")
	}
	if list, err = listing.DecodeList("endpoints", r.Endpoints); err != nil {
		return nil, time.Time{}, err
	}
	return sorted(list), r.Time, nil
}
