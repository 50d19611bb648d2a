package pool

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/caddy-balance/caddy-balance/discovery"
)

// listRecord is the last good list of a source in its stored form.
type listRecord struct {
	Version   int                  `json:"version"`
	From      discovery.Origin     `json:"from"`
	Time      time.Time            `json:"time"` // when the list last changed
	Endpoints []discovery.Endpoint `json:"endpoints"`
}

// maxRecord is the maximum size of a record in bytes. It has room for a hundred thousand endpoints
// with half a kilobyte of metadata each.
const maxRecord = 64 << 20

// recordVersion changes when an older Caddy could misread what a newer one stores, or the reverse.
const recordVersion = 1

func encodeRecord(from discovery.Origin, list []discovery.Endpoint, at time.Time) ([]byte, error) {
	return json.Marshal(listRecord{
		Version: recordVersion, From: from, Time: at.UTC().Truncate(time.Second),
		Endpoints: list,
	})
}

// decodeRecord checks everything, because storage may be shared, or hold a file that a full disk
// cut off. One mistake rejects the whole list: no person wrote it, so a mistake means that the rest
// is unreliable too. limit is the maximum number of endpoints.
func decodeRecord(
	from discovery.Origin, data []byte, limit int,
) (list []discovery.Endpoint, at time.Time, err error) {
	var r struct {
		Version   int              `json:"version"`
		From      discovery.Origin `json:"from"`
		Time      time.Time        `json:"time"`
		Endpoints json.RawMessage  `json:"endpoints"`
	}
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, time.Time{}, err
	}
	if r.Version != recordVersion {
		return nil, time.Time{}, fmt.Errorf("version: is %d; expected %d", r.Version, recordVersion)
	}
	if r.From != from {
		return nil, time.Time{}, fmt.Errorf("from: is %+v; expected %+v", r.From, from)
	}
	if len(r.Endpoints) == 0 || r.Endpoints[0] != '[' { // DecodeList would read it as YAML
		return nil, time.Time{}, errors.New("endpoints: expected a list")
	}
	if list, err = discovery.DecodeList("endpoints", r.Endpoints, limit); err != nil {
		return nil, time.Time{}, err
	}
	return sorted(list), r.Time, nil
}
