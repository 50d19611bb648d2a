package healthprobe

//lint:file-ignore SA1019 what net/http has instead dials by itself, and would not take a connection that a probe has made

import (
	"io"
	"net/http"

	"golang.org/x/net/http2"
)

// http2Transport only has the settings of connections; it never dials or keeps one.
var http2Transport = &http2.Transport{AllowHTTP: true, DisableCompression: true, MaxHeaderListSize: maxHeader}

// exchangeHTTP2 sends one request and returns its answer. The connection belongs to the answer's body if there is no error.
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
	answer.Body = body2{answer.Body, client}
	return answer, nil
}

type body2 struct {
	io.ReadCloser
	client *http2.ClientConn
}

func (b body2) Close() error {
	b.ReadCloser.Close()
	return b.client.Close()
}
