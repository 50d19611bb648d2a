package healthprobe

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

const closed = "GET /: the connection was closed before the answer was complete"

func TestAnHTTPProbeReportsWhatIsWrongWithAnAnswer(t *testing.T) {
	verifyNoLeaks(t)
	line := "HTTP/1.1 200 OK\r\n"
	for answer, want := range map[string]string{
		line + "\r\n":                                                    "",
		"HTTP/1.0 200 OK\r\n\r\n":                                        "",
		line + "Content-Length: 2\r\n\r\nok":                             "",
		line + "Transfer-Encoding: chunked\r\n\r\n2\r":                   "", // without expect_body the body does not matter
		"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + line + "\r\n": "",
		"HTTP/1.1 101 Switching Protocols\r\n\r\n":                       "GET /: status 101",
		"SSH-2.0-OpenSSH_9.9\r\n":                                        `GET /: malformed HTTP response "SSH-2.0-OpenSSH_9.9"`,
		"HTTP/1.1 abc\r\n\r\n":                                           `GET /: malformed HTTP status code "abc"`,
		line + "no colon\r\n\r\n":                                        `GET /: malformed MIME header: missing colon: "no colon"`,
		line + "X: " + strings.Repeat("x", maxHeader):                    "GET /: the header is larger than 64 KiB",
		strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", maxHeader/25): "GET /: the header is larger than 64 KiB",
		strings.Repeat("x", 1000) + "\n":                                 `GET /: malformed HTTP response "` + strings.Repeat("x", 300-len(`malformed HTTP response "`)) + "...",
	} {
		wantError(t, excerpt([]byte(answer), ""), checked(t, provisioned(t, &HTTPProbe{}), serve(t, says(answer))), want)
	}
}

func TestAnHTTPProbeReportsHowAConnectionEnded(t *testing.T) {
	verifyNoLeaks(t)
	probe := provisioned(t, &HTTPProbe{})
	reading := provisioned(t, &HTTPProbe{ExpectBody: "never"})
	half := "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nnev"
	for i, c := range []struct {
		probe Probe
		e     *Endpoint
		want  string
	}{
		{probe, refusing(t), "connecting: connection refused"},
		{probe, &Endpoint{Address: "host.invalid:80"}, "connecting: no such host"},
		{probe, &Endpoint{Address: "udp/127.0.0.1:53"}, "no probe over udp; expected tcp or unix"},
		{probe, serve(t, func(c net.Conn) { c.Read(make([]byte, 4096)) }), closed},
		{probe, serve(t, func(c net.Conn) { c.Read(make([]byte, 4096)); io.WriteString(c, "HTTP/1.1 200 OK\r\n") }), closed},
		{probe, serve(t, func(c net.Conn) { c.(*net.TCPConn).CloseWrite(); hangs(c) }), closed},
		{probe, serve(t, func(c net.Conn) {
			c.Read(make([]byte, 4096))
			c.(*net.TCPConn).SetLinger(0)
		}), "GET /: connection reset by peer"},
		{reading, serve(t, func(c net.Conn) { c.Read(make([]byte, 4096)); io.WriteString(c, half) }), closed},
	} {
		if err := checked(t, c.probe, c.e); i == 1 { // some resolvers do not answer
			if err == nil || !strings.HasPrefix(err.Error(), "connecting: ") {
				t.Errorf("%d: got %v", i, err)
			}
		} else {
			wantError(t, c.e.Address, err, c.want)
		}
	}
	wantTimeout(t, "half a body", reading, serve(t, says(half)), "GET /: timed out")
}

func TestAnEndlessBodyIsNotReadToTheEnd(t *testing.T) {
	verifyNoLeaks(t)
	e := serve(t, func(c net.Conn) {
		c.Read(make([]byte, 4096))
		io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
		for block := make([]byte, 1<<16); ; {
			if _, err := c.Write(block); err != nil {
				return
			}
		}
	})
	wantError(t, "", checked(t, provisioned(t, &HTTPProbe{ExpectBody: "x"}), e), `GET /: body does not match "x"`)
}

func TestAnAnswerMayComeBeforeTheRequestIsRead(t *testing.T) {
	e := serve(t, func(c net.Conn) {
		io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
		hangs(c)
	})
	wantError(t, "", checked(t, provisioned(t, &HTTPProbe{Method: http.MethodPost, Body: strings.Repeat("x", 1<<20)}), e), "")
}

func TestValuesOfAnEndpointCannotInjectHeaderFields(t *testing.T) {
	var got http.Header
	e := serveHTTP(t, func(_ http.ResponseWriter, r *http.Request) { got = r.Header })
	e.Metadata = map[string]string{"evil": "a\r\nX-Evil: yes"}
	const evil = "{endpoint.metadata.evil}"
	probe := provisioned(t, &HTTPProbe{Headers: map[string][]string{"X-Good": {evil}}, Host: evil})
	wantError(t, "header", checked(t, probe, e), "")
	if got.Get("X-Evil") != "" || got.Get("X-Good") != "a  X-Evil: yes" {
		t.Errorf("got %v", got)
	}
	wantError(t, "uri", checked(t, provisioned(t, &HTTPProbe{URI: "/" + evil}), e), "uri: is not a path such as /healthz")
}
