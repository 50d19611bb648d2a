package healthprobe

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/fcgi"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// serveFastCGI serves with the FastCGI of the standard library.
func serveFastCGI(t *testing.T, handler http.HandlerFunc) *Endpoint {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		fcgi.Serve(listener, handler)
	}()
	t.Cleanup(func() { listener.Close(); <-done })
	return &Endpoint{Address: listener.Addr().String(), Metadata: map[string]string{"site": "shop"}}
}

func TestAFastCGIProbeChecksStatusAndBody(t *testing.T) {
	statuses := func(list ...caddyhttp.WeakString) *FastCGIProbe { return &FastCGIProbe{ExpectStatus: list} }
	for i, c := range []struct {
		probe   *FastCGIProbe
		backend http.HandlerFunc
		want    string
	}{
		{&FastCGIProbe{}, saying("pong"), ""},
		{&FastCGIProbe{}, answering(204), ""},
		{&FastCGIProbe{URI: "/health.php?full=1"}, answering(503), "GET /health.php: status 503"},
		{&FastCGIProbe{}, answering(302), "GET /ping: status 302"},
		{statuses("302", "404"), answering(302), ""},
		{statuses("302"), answering(200), "GET /ping: status 200"},
		{&FastCGIProbe{ExpectBody: "^pong$"}, saying("pong"), ""},
		{&FastCGIProbe{ExpectBody: "^pong of {endpoint.metadata.site}$"}, saying("pong of shop"), ""},
		{&FastCGIProbe{ExpectBody: "^pong$"}, saying("down"), `GET /ping: body does not match "^pong$"`},
		{&FastCGIProbe{ExpectBody: "end$"}, saying(strings.Repeat("x", 60<<10) + "end"), ""}, // several records
		{&FastCGIProbe{ExpectBody: "end"}, saying(strings.Repeat("x", 64<<10) + "end"), `GET /ping: body does not match "end"`},
		{&FastCGIProbe{Params: map[string]string{"LONG": strings.Repeat("x", 100<<10)}}, saying("pong"), ""}, // several records
	} {
		endpoint := serveFastCGI(t, c.backend)
		wantError(t, fmt.Sprint(i), checked(t, provisioned(t, c.probe), endpoint), c.want)
	}
}

func TestAFastCGIProbeSendsTheParametersOfCGI(t *testing.T) {
	var got map[string]string
	endpoint := serveFastCGI(t, func(w http.ResponseWriter, r *http.Request) {
		got = fcgi.ProcessEnv(r) // those that have no place in the request
		for _, name := range []string{"User-Agent", "X-Site"} {
			got[name] = r.Header.Get(name)
		}
		got["URI"], got["method"], got["host"] = r.URL.RequestURI(), r.Method, r.Host
	})
	probe := provisioned(t, &FastCGIProbe{
		URI: "/{endpoint.metadata.site}/health.php?a=b", Root: "/srv/app/",
		Params: map[string]string{"HTTP_X_SITE": "{endpoint.metadata.site}", "HTTP_HOST": "shop.test"},
	})
	wantError(t, "check", checked(t, probe, endpoint), "")
	want := map[string]string{
		"DOCUMENT_ROOT": "/srv/app/", "DOCUMENT_URI": "/shop/health.php",
		"SCRIPT_FILENAME": "/srv/app/shop/health.php", "GATEWAY_INTERFACE": "CGI/1.1", "SERVER_SOFTWARE": "caddy-balance",
		"SERVER_NAME": "127.0.0.1", "User-Agent": "caddy-balance", "X-Site": "shop", "URI": "/shop/health.php?a=b",
		"method": "GET", "host": "shop.test",
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if got[name] != want[name] {
			t.Errorf("%s is %q, want %q", name, got[name], want[name])
		}
	}
}

func TestValuesOfAnEndpointDoNotLeadOutOfTheRoot(t *testing.T) {
	r, err := compileFastCGIRequest("/{endpoint.metadata.site}.php", "/srv/app", nil)
	if err != nil {
		t.Fatal(err)
	}
	params, err := r.params(&Endpoint{Address: "a:1", Metadata: map[string]string{"site": "../../etc/x"}})
	if err != nil || params["SCRIPT_FILENAME"] != "/srv/app/etc/x.php" {
		t.Errorf("%s, %v", params["SCRIPT_FILENAME"], err)
	}
}

// record returns one record of request 1, with padding.
func record(kind byte, content string) string {
	var b bytes.Buffer
	writeRecord(&b, kind, []byte(content))
	encoded := b.Bytes()
	encoded[6] = 3
	return b.String() + "\xff\xff\xff"
}

func TestAFastCGIProbeSaysWhatIsWrongWithAnAnswer(t *testing.T) {
	verifyNoLeaks(t)
	const pong = "Content-type: text/plain\r\n\r\npong"
	end := func(status byte) string { return record(fastCGIEnd, "\x00\x00\x00\x00"+string(status)+"\x00\x00\x00") }
	for name, c := range map[string]struct{ answer, want string }{
		"whole":               {record(fastCGIStdout, pong) + end(0), ""},
		"in pieces":           {record(fastCGIStdout, pong[:9]) + record(fastCGIStderr, "note") + record(fastCGIStdout, "") + record(fastCGIStdout, pong[9:]) + end(0), ""},
		"record of no use":    {record(99, "what") + record(fastCGIStdout, pong) + end(0), ""},
		"no status":           {record(fastCGIStdout, "Location: /x\r\n\r\n") + end(0), "GET /ping: status 302"},
		"standard error":      {record(fastCGIStderr, "Primary script unknown\n") + record(fastCGIStdout, "Status: 404 Not Found\r\n\r\n") + end(0), `GET /ping: status 404: "Primary script unknown"`},
		"only an error":       {record(fastCGIStderr, "out of memory") + end(0), `GET /ping: "out of memory"`},
		"no output":           {end(0), "GET /ping: the connection was closed before the answer was complete"},
		"overloaded":          {end(2), "GET /ping: the endpoint is overloaded"},
		"busy":                {end(1), "GET /ping: the endpoint serves one request at a time and is busy"},
		"another role":        {end(3), "GET /ping: the endpoint refuses the request with protocol status 3"},
		"bad status":          {record(fastCGIStdout, "Status: fine\r\n\r\n") + end(0), "GET /ping: the field Status has no number"},
		"HTTP":                {"HTTP/1.1 400 Bad Request\r\n\r\n", "GET /ping: the answer is not FastCGI"},
		"nothing":             {"", "GET /ping: the connection was closed before the answer was complete"},
		"half a record":       {record(fastCGIStdout, pong)[:20], "GET /ping: the connection was closed before the answer was complete"},
		"half a header":       {"\x01\x06\x00", "GET /ping: the connection was closed before the answer was complete"},
		"half an end":         {end(0)[:10], "GET /ping: the connection was closed before the answer was complete"},
		"end that is short":   {record(fastCGIEnd, "\x00"), "GET /ping: the answer is not FastCGI"},
		"much standard error": {strings.Repeat(record(fastCGIStderr, strings.Repeat("e", 1000)), 100) + record(fastCGIStdout, pong) + end(0), ""},
		"header without end":  {strings.Repeat(record(fastCGIStdout, strings.Repeat("a", 1000)), 100), "GET /ping: the header is larger than 64 KiB"},
	} {
		endpoint := serve(t, func(conn net.Conn) {
			readRequest(conn)
			io.WriteString(conn, c.answer)
		})
		wantError(t, name, checked(t, provisioned(t, &FastCGIProbe{ExpectBody: "pong"}), endpoint), c.want)
	}
}

// readRequest reads up to the last record of a request, so that closing the connection does not
// reset it.
func readRequest(conn net.Conn) {
	last := []byte{fastCGIVersion, fastCGIStdin, 0, fastCGIRequestID, 0, 0, 0, 0}
	var got []byte
	for chunk := make([]byte, 4096); !bytes.HasSuffix(got, last); {
		n, err := conn.Read(chunk)
		if got = append(got, chunk[:n]...); err != nil {
			return
		}
	}
}

func TestAFastCGIProbeEndsWithItsTimeLimit(t *testing.T) {
	verifyNoLeaks(t)
	probe := provisioned(t, &FastCGIProbe{})
	wantTimeout(t, "hangs", probe, serve(t, hangs), "GET /ping: timed out")
	endless := serve(t, func(conn net.Conn) {
		for {
			if _, err := io.WriteString(conn, record(99, strings.Repeat("x", 1000))); err != nil {
				return
			}
		}
	})
	wantTimeout(t, "endless", probe, endless, "GET /ping: timed out")
	wantError(t, "refused", checked(t, probe, refusing(t)), "connecting: connection refused")
}

func TestProvisionRefusesMistakesInAFastCGIProbe(t *testing.T) {
	wantRefused(t, map[string]*FastCGIProbe{
		"uri: is not a path such as /healthz":                                                             {URI: "ping"},
		"uri: unrecognized placeholder {a.b}":                                                             {URI: "/{a.b}"},
		"root: unrecognized placeholder {a.b}":                                                            {Root: "{a.b}"},
		"params: A: unrecognized placeholder {a.b}":                                                       {Params: map[string]string{"A": "{a.b}"}},
		"params: the name of a parameter is empty":                                                        {Params: map[string]string{"": "a"}},
		`expect_status: "ok" is not a status such as 204, a class such as 2xx or a range such as 200-399`: {ExpectStatus: []caddyhttp.WeakString{"ok"}},
		"expect_body: error parsing regexp: missing closing ): `(`":                                       {ExpectBody: "("},
	})
}

// conversation is a connection with an answer that is there already.
type conversation struct {
	io.Reader
	io.Writer
}

func FuzzFastCGIAnswer(f *testing.F) {
	f.Add([]byte(record(fastCGIStdout, "Status: 200\r\n\r\nok") + record(fastCGIEnd, strings.Repeat("\x00", 8))))
	f.Add([]byte(record(fastCGIStderr, "no") + "\x01\x03\x00\x01\x00\x08\x00\x00"))
	f.Fuzz(func(t *testing.T, answer []byte) {
		got, err := exchangeFastCGI(conversation{bytes.NewReader(answer), io.Discard}, nil)
		if err == nil {
			_, err = io.ReadAll(got.body)
		}
		if err == nil && !bytes.Contains(answer, []byte{fastCGIVersion, fastCGIEnd}) {
			t.Error("an answer without an end is whole")
		}
	})
}
