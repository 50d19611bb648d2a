//nolint:staticcheck // SA1019: the replacement in net/http dials by itself, and takes no connection of a probe
package healthprobe

import (
	"io"
	"net/http"

	"golang.org/x/net/http2"
)

// http2Transport holds the settings of HTTP/2 connections. It never dials and keeps no connection.
var http2Transport = &http2.Transport{AllowHTTP: true, DisableCompression: true, MaxHeaderListSize: maxHeader}

// exchangeHTTP2 sends one request and returns its answer. Unless it returns an error, the body of
// the answer owns the connection.
func exchangeHTTP2(connected *conn, r *http.Request) (*http.Response, error) {
	client, err := http2Transport.NewClientConn(connected)
	if err != nil {
		return nil, err
	}
	answer, err := client.RoundTrip(r)
	if err != nil {
		client.Close()
		return nil, err
	}
	answer.Body = http2Body{answer.Body, client}
	return answer, nil
}

// http2Body is the body of an answer. Closing it closes the connection, because the goroutines of
// an HTTP/2 connection would cost more between checks than a new connection does.
type http2Body struct {
	io.ReadCloser
	client *http2.ClientConn
}

// Close implements io.Closer.
func (b http2Body) Close() error {
	b.ReadCloser.Close()
	return b.client.Close()
}
