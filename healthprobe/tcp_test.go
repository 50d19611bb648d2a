package healthprobe

import (
	"crypto/tls"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
)

func TestATCPProbeConnects(t *testing.T) {
	verifyNoLeaks(t)
	probe := provisioned(t, &TCPProbe{})
	wantError(t, "accepting", checked(t, probe, serve(t, hangs)), "")
	wantError(t, "refusing", checked(t, probe, refusing(t)), "connecting: connection refused")
}

func TestATCPProbeSendsAndExpects(t *testing.T) {
	verifyNoLeaks(t)
	t.Setenv("PROBE_PASSWORD", `a\n`)
	var got atomic.Value
	answering := func(answers ...string) func(net.Conn) {
		return func(c net.Conn) {
			text := make([]byte, 100)
			n, _ := c.Read(text)
			got.Store(string(text[:n]))
			for _, answer := range answers {
				io.WriteString(c, answer)
			}
		}
	}
	for i, c := range []struct {
		probe      TCPProbe
		answers    []string
		sent, want string
	}{
		{TCPProbe{Send: `PING\r\n`, Expect: "PONG"}, []string{"+PONG\r\n"}, "PING\r\n", ""},
		{TCPProbe{Send: `PING\r\n`, Expect: "PONG"}, []string{"+PO", "NG\r\n"}, "PING\r\n", ""},
		{TCPProbe{Send: `\x00\xff"é"\\`, Expect: `\x01`}, []string{"\x00\x01"}, "\x00\xff\"é\"\\", ""},
		{TCPProbe{Send: `AUTH {env.PROBE_PASSWORD} {endpoint.id}\n`, Expect: "OK"}, []string{"OK"}, `AUTH a\n web-7` + "\n", ""},
		{TCPProbe{Send: "x", ExpectRegexp: `^2\d\d `}, []string{"220 ready"}, "x", ""},
		{TCPProbe{Send: "x", ExpectRegexp: `^2\d\d `}, []string{"421 busy"}, "x", `the answer, "421 busy", is not a match of "^2\\d\\d "`},
		{TCPProbe{Send: "x", Expect: "PONG"}, nil, "x", `the answer, "", is not "PONG"`},
		{TCPProbe{Send: "x", Expect: "PONG"}, []string{"-ERR\r\n", strings.Repeat("y", 60)}, "x",
			`the answer, "-ERR\r\n` + strings.Repeat("y", 54) + `"..., is not "PONG"`},
		{TCPProbe{Send: "x", Expect: "{env.PROBE_PASSWORD}"}, []string{"no"}, "x", `the answer, "no", is not "{env.PROBE_PASSWORD}"`},
	} {
		e := serve(t, answering(c.answers...))
		e.ID = "web-7"
		wantError(t, c.probe.Send, checked(t, provisioned(t, &c.probe), e), c.want)
		if got.Load() != c.sent {
			t.Errorf("%d: sent %q, want %q", i, got.Load(), c.sent)
		}
	}
}

func TestATCPProbeStopsAtItsTimeLimitAndAtItsSizeLimit(t *testing.T) {
	verifyNoLeaks(t)
	probe := provisioned(t, &TCPProbe{Expect: "PONG"})
	wantTimeout(t, "silent", probe, serve(t, hangs), `waiting for "PONG": timed out`)
	wantTimeout(t, "half", probe, serve(t, func(c net.Conn) { io.WriteString(c, "PO"); hangs(c) }), `waiting for "PONG": timed out`)
	endless := serve(t, func(c net.Conn) {
		for block := []byte(strings.Repeat("x", 1<<16)); ; {
			if _, err := c.Write(block); err != nil {
				return
			}
		}
	})
	wantError(t, "endless", checked(t, probe, endless), `the answer, "`+strings.Repeat("x", 60)+`"..., is not "PONG"`)
	reset := serve(t, func(c net.Conn) {
		c.Read(make([]byte, 1))
		c.(*net.TCPConn).SetLinger(0)
	})
	wantError(t, "reset", checked(t, provisioned(t, &TCPProbe{Send: "x", Expect: "PONG"}), reset), `waiting for "PONG": connection reset by peer`)
}

func TestATCPProbeSpeaksTLS(t *testing.T) {
	verifyNoLeaks(t)
	c := newCertificate(t)
	listener, err := tls.Listen("tcp", "127.0.0.1:0", c.server())
	if err != nil {
		t.Fatal(err)
	}
	serveOn(t, listener, says("PONG"))
	e := *web7
	e.Address = listener.Addr().String()
	wantError(t, "tls", checked(t, provisioned(t, &TCPProbe{Send: "PING", Expect: "PONG", Connection: Connection{TLS: c.trusted(t)}}), &e), "")
}

func TestProvisionRefusesMistakesInATCPProbe(t *testing.T) {
	wantRefused(t, map[string]*TCPProbe{
		"expect_regexp: conflicts with expect; expected one of them":            {Expect: "a", ExpectRegexp: "b"},
		"expect_regexp: error parsing regexp: missing closing ): `(`":           {ExpectRegexp: "("},
		`send: "\\q" does not begin with an escape such as \r, \n, \x00 or \\`:  {Send: `a\q`},
		`expect: "\\" does not begin with an escape such as \r, \n, \x00 or \\`: {Expect: `a\`},
		"send: unrecognized placeholder {http.request.host}":                    {Send: "{http.request.host}"},
	})
}

func FuzzUnescape(f *testing.F) {
	for _, seed := range []string{`PING\r\n`, `\x00\\`, `\u00e9"'`, `\`, "é\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, given string) {
		got, err := unescape(given)
		if err == nil && !strings.Contains(given, `\`) && got != string([]rune(given)) {
			t.Errorf("%q became %q", given, got)
		}
	})
}
