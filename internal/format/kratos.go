package format

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// kratosWeight is the weight that Kratos assumes for an instance without one.
const kratosWeight = 100

// Instance is an instance of a service as Kratos registers it.
type Instance struct {
	ID        string
	Version   string
	Metadata  map[string]string
	Endpoints []string // URLs such as http://10.0.0.1:8000
}

// decodeKratos reads a value of Kratos' registry/etcd: {"id":"...","name":"web","version":"v1",
// "metadata":{"weight":"10"},"endpoints":["http://10.0.0.1:8000","grpc://10.0.0.1:9000"]}.
func decodeKratos(fields map[string]json.RawMessage, scheme string) (info listing.Info, err error) {
	var i Instance
	for _, err := range []error{
		decodeField(fields, "id", "text", &i.ID),
		decodeField(fields, "version", "text", &i.Version),
		decodeField(fields, "metadata", "an object of texts", &i.Metadata),
		decodeField(fields, "endpoints", "a list of URLs", &i.Endpoints),
	} {
		if err != nil {
			return info, err
		}
	}
	return i.Endpoint(scheme)
}

// Endpoint returns the endpoint whose URL has the scheme. The metadata weight and zone set these
// fields, and the version becomes metadata.
//
// Unless an application sets one, the ID of an instance is a UUID that is new at each start. The
// address then stands for the endpoint, so that it keeps its share of a hash policy.
func (i *Instance) Endpoint(scheme string) (info listing.Info, err error) {
	info = listing.Info{ID: i.ID, Weight: kratosWeight}
	if info.Address, err = address(i.Endpoints, scheme); err != nil {
		return info, fmt.Errorf("field endpoints: %w", err)
	}
	if err := setMetadata(&info, i.metadata()); err != nil {
		return info, fmt.Errorf("field metadata: %w", err)
	}
	err = info.Normalize()
	if uuid.Validate(i.ID) == nil {
		info.ID = info.Address
	}
	return info, err
}

// metadata returns a copy of the metadata with the version.
func (i *Instance) metadata() map[string]string {
	metadata := make(map[string]string, len(i.Metadata)+1)
	if i.Version != "" {
		metadata["version"] = i.Version
	}
	for key, value := range i.Metadata {
		metadata[key] = value
	}
	return metadata
}

// address returns the address of the first URL with the scheme. Without a scheme it is that of
// http, else of https, else of the only URL.
func address(urls []string, scheme string) (string, error) {
	var schemes []string
	addresses := make(map[string]string)
	for _, text := range urls {
		u, err := url.Parse(text)
		if err != nil || u.Host == "" {
			return "", fmt.Errorf("%.100q is not a URL such as http://10.0.0.7:8080", text)
		}
		if addresses[u.Scheme] == "" {
			schemes = append(schemes, u.Scheme)
			addresses[u.Scheme] = hostPort(u)
		}
	}
	found := strings.Join(schemes, " ")
	switch {
	case len(schemes) == 0:
		return "", errors.New("has no URL; expected one such as http://10.0.0.7:8080")
	case scheme != "":
	case slices.Contains(schemes, "http"):
		scheme = "http"
	case slices.Contains(schemes, "https"):
		scheme = "https"
	case len(schemes) == 1:
		scheme = schemes[0]
	default:
		return "", fmt.Errorf("schemes are %.100q; expected http, or one that the option scheme names", found)
	}
	if addresses[scheme] == "" {
		return "", fmt.Errorf("schemes are %.100q; expected %s", found, scheme)
	}
	return addresses[scheme], nil
}

// hostPort returns the host and port of a URL. The ports of http and https may be left out.
func hostPort(u *url.URL) string {
	port := map[string]string{"http": "80", "https": "443"}[strings.ToLower(u.Scheme)]
	if u.Port() == "" && port != "" {
		return net.JoinHostPort(u.Hostname(), port)
	}
	return u.Host
}
