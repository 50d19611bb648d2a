package attempt

import (
	"net/http"
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/load"
)

func TestTheKindOfARequestIsWhatItsClientAsksFor(t *testing.T) {
	for _, c := range []struct {
		method, field, value string
		want                 load.Kind
	}{
		{"GET", "Accept", "text/html", load.Plain},
		{"GET", "Upgrade", "websocket", load.Upgrade},
		{"GET", "Upgrade", "chat, h2c", load.Upgrade},
		{"CONNECT", "Accept", "*/*", load.Upgrade},
		{"GET", "Upgrade", "h2c", load.Plain}, // an offer that the client sends with every request
		{"GET", "Upgrade", "H2C", load.Plain},
		{"GET", "Upgrade-Insecure-Requests", "1", load.Plain},
		{"GET", "Accept", "text/event-stream", load.Stream},
		{"POST", "Accept", "text/event-stream, */*;q=0.1", load.Stream},
		{"GET", "Accept", "text/event-stream;charset=utf-8", load.Stream},
		{"GET", "Accept", "*/*, text/event-stream;q=0.1", load.Plain},
		{"POST", "Content-Type", "application/grpc", load.Call},
		{"POST", "Content-Type", "application/grpc-web+proto", load.Call},
		{"GET", "Content-Type", "application/grpc", load.Plain},
	} {
		r := &http.Request{Method: c.method, Header: http.Header{c.field: {c.value}}}
		if got := kindOf(r); got != c.want {
			t.Errorf("%s with %s: %s is of kind %d, want %d", c.method, c.field, c.value, got, c.want)
		}
	}
}
