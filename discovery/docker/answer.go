package docker

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"path"

	"github.com/caddy-balance/caddy-balance/internal/jsonlist"
)

const (
	// maxAnswer is the maximum size of a list of containers in bytes.
	maxAnswer = 64 << 20

	// maxContainer is the maximum size of what the engine says of one container, in bytes. It is
	// ten times the size with a hundred labels and the output of health checks.
	maxContainer = 256 << 10
)

// boundedTransport limits what the engine may answer. A list of containers becomes one of their
// IDs, because the client's own type takes half a kilobyte for a container of two bytes.
type boundedTransport struct {
	http.RoundTripper
	limit int // the maximum number of containers
}

// CloseIdleConnections closes the connections that are not in use, when the client is closed.
func (t *boundedTransport) CloseIdleConnections() {
	if closer, ok := t.RoundTripper.(interface{ CloseIdleConnections() }); ok {
		closer.CloseIdleConnections()
	}
}

// RoundTrip implements http.RoundTripper.
func (t *boundedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := t.RoundTripper.RoundTrip(r)
	if err != nil || answer.StatusCode != http.StatusOK || path.Base(r.URL.Path) != "json" {
		return answer, err
	}
	if path.Base(path.Dir(r.URL.Path)) != "containers" {
		answer.Body = http.MaxBytesReader(nil, answer.Body, maxContainer)
		return answer, nil
	}
	defer answer.Body.Close()
	ids, err := containerIDs(http.MaxBytesReader(nil, answer.Body, maxAnswer), t.limit)
	if err != nil {
		return nil, err
	}
	answer.Body, answer.ContentLength = io.NopCloser(bytes.NewReader(ids)), int64(len(ids))
	return answer, nil
}

// containerIDs returns the list of containers with nothing but their IDs.
func containerIDs(list io.Reader, limit int) ([]byte, error) {
	type container struct{ ID string } // Go matches the name Id too
	all := []container{}
	err := jsonlist.Each(list, limit, func(entry []byte) error {
		all = append(all, container{})
		return json.Unmarshal(entry, &all[len(all)-1])
	})
	if err != nil {
		return nil, err
	}
	return json.Marshal(all)
}
