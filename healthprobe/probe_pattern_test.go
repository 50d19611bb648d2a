package healthprobe

import (
	"io"
	"net"
	"testing"
)

func TestPlaceholdersInAPatternAreTakenLiterally(t *testing.T) {
	t.Setenv("PROBE_VERSION", "v1.0")
	e := &Endpoint{Address: "10.0.0.7:80", ID: "a+b", Metadata: map[string]string{"n": "3", "many": "5000"}}
	for _, c := range []struct {
		given, matched, other string
	}{
		{"^id: {endpoint.id}$", "id: a+b", "id: aab"},
		{"{env.PROBE_VERSION}", "v1.0", "v1x0"},
		{"[{endpoint.id}]", "+", "x"},
		{"{endpoint.id}*$", "a+bb", "a+bc"},
		{"x{2}{endpoint.metadata.n}", "xx3", "x3"},
		{"^{endpoint.metadata.none}$", "", "x"},
		{`^\{no.placeholder\}$`, "{no.placeholder}", "x"},
		{`^\{env.PROBE_VERSION\}$`, "{env.PROBE_VERSION}", "v1.0"},
		{"^{no.placeholder}$", "{no.placeholder}", "x"},
	} {
		p, err := compilePattern("field", c.given)
		if err != nil {
			t.Error(err)
			continue
		}
		compiled, err := p.of(e)
		if err != nil || !compiled.MatchString(c.matched) || compiled.MatchString(c.other) {
			t.Errorf("%s: got %v, %v", c.given, compiled, err)
		}
	}
}

func TestMistakesInAPatternNameTheField(t *testing.T) {
	for given, want := range map[string]string{
		"(":                          "field: error parsing regexp: missing closing ): `(`",
		"({endpoint.id}":             "field: error parsing regexp: missing closing ): `(x`",
		"{env.PROBE_UNSET_THING}":    "field: evaluated placeholder {env.PROBE_UNSET_THING} is empty",
		"{endpoint.name}":            "field: {endpoint.name}: is not known; expected endpoint.address, endpoint.host, endpoint.port, endpoint.id, endpoint.zone or endpoint.metadata.<key>",
		"a{1,{endpoint.metadata.n}}": "",
	} {
		_, err := compilePattern("field", given)
		wantError(t, given, err, want)
	}
	// Only the value of an endpoint makes this one a mistake.
	e := serveHTTP(t, answering(200))
	e.Metadata = map[string]string{"n": "5000"}
	probe := provisioned(t, &HTTPProbe{ExpectBody: "a{1,{endpoint.metadata.n}}"})
	wantError(t, "5000", checked(t, probe, e), "expect_body: error parsing regexp: invalid repeat count: `{1,5000}`")
}

func TestProbesReplacePlaceholdersInPatterns(t *testing.T) {
	e := serve(t, func(c net.Conn) {
		c.Read(make([]byte, 4096))
		io.WriteString(c, "HTTP/1.0 200 OK\r\n\r\nI am web-7")
	})
	for _, c := range []struct{ id, http, tcp string }{
		{"web-7", "", ""},
		{"web.7", `GET /: body does not match "{endpoint.id}$"`,
			`the answer, "HTTP/1.0 200 OK\r\n\r\nI am web-7", is not a match of "{endpoint.id}$"`},
	} {
		e.ID = c.id
		wantError(t, "http", checked(t, provisioned(t, &HTTPProbe{ExpectBody: "{endpoint.id}$"}), e), c.http)
		wantError(t, "tcp", checked(t, provisioned(t, &TCPProbe{Send: "x", ExpectRegexp: "{endpoint.id}$"}), e), c.tcp)
	}
}
