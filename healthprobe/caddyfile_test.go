package healthprobe

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-balance/caddy-balance/internal/httpstatus"
)

// parsed returns the JSON of a probe that is written as `probe <text>`.
func parsed(t *testing.T, text string) (string, error) {
	t.Helper()
	name, _, _ := strings.Cut(text, " ")
	info, err := caddy.GetModule("http.reverse_proxy.upstreams.pool.probes." + name)
	if err != nil {
		t.Fatal(err)
	}
	probe := info.New()
	if err := probe.(caddyfile.Unmarshaler).UnmarshalCaddyfile(caddyfile.NewTestDispenser(text)); err != nil {
		return "", err
	}
	data, err := json.Marshal(probe)
	if err != nil {
		t.Fatal(err)
	}
	if err := caddy.StrictUnmarshalJSON(data, info.New()); err != nil {
		t.Errorf("%s: %v", data, err)
	}
	return string(data), nil
}

const tlsOptions = "\ntls_server_name a.test\ntls_trust_pool file ca.pem\ntls_client_auth c.pem k.pem\ntls_insecure_skip_verify\n"

const tlsJSON = `"tls":{"ca":{"pem_files":["ca.pem"],"provider":"file"},"client_certificate_file":"c.pem","client_certificate_key_file":"k.pem",` +
	`"insecure_skip_verify":true,"server_name":"a.test"}`

func TestACaddyfileBecomesJSON(t *testing.T) {
	for text, want := range map[string]string{
		"http":                                                `{}`,
		"http /healthz":                                       `{"uri":"/healthz"}`,
		"http /healthz {\n}":                                  `{"uri":"/healthz"}`,
		"http {\nuri /healthz?full=1\n}":                      `{"uri":"/healthz?full=1"}`,
		"http {\nmethod POST\nrequest_body a\n}":              `{"method":"POST","body":"a"}`,
		"http {\nheader A 1 2\nheader B 3\n}":                 `{"headers":{"A":["1","2"],"B":["3"]}}`,
		"http {\nhost a.test\nversions 1.1 2\n}":              `{"host":"a.test","versions":["1.1","2"]}`,
		"http {\nfollow_redirects\n}":                         `{"follow_redirects":true}`,
		"http {\nstatus 204 3xx 400-404\n}":                   `{"expect_status":[204,"3xx","400-404"]}`,
		"http {\nbody ^ok$\nmax_size 1KiB\n}":                 `{"expect_body":"^ok$","max_size":1024}`,
		"http {\nfresh_connections\n}":                        `{"fresh_connections":true}`,
		"http {\nupstream a:80\n}":                            `{"upstream":"a:80"}`,
		"http {\nport 81\n}":                                  `{"port":81}`,
		"http {\nport {endpoint.metadata.port}\n}":            `{"port":"{endpoint.metadata.port}"}`,
		"http {\ntls\n}":                                      `{"tls":{}}`,
		"http {" + tlsOptions + "}":                           `{` + tlsJSON + `}`,
		"http {\nproxy_protocol v2\n}":                        `{"proxy_protocol":"v2"}`,
		"tcp":                                                 `{}`,
		"tcp {\nproxy_protocol v1\n}":                         `{"proxy_protocol":"v1"}`,
		"tcp {\nsend \"PING\\r\\n\"\nexpect PONG\nport 81\n}": `{"port":81,"send":"PING\\r\\n","expect":"PONG"}`,
		"tcp {\nexpect_regexp ^2\nupstream unix//a.sock\n}":   `{"upstream":"unix//a.sock","expect_regexp":"^2"}`,
		"tcp {" + tlsOptions + "}":                            `{` + tlsJSON + `}`,
		"grpc":                                                `{}`,
		"grpc {\nservice a.B\n}":                              `{"service":"a.B"}`,
		"grpc a.B":                                            `{"service":"a.B"}`,
		"grpc a.B {\nauthority a.test\nport 81\n}":            `{"port":81,"service":"a.B","authority":"a.test"}`,
		"grpc {\nupstream a:80\n}":                            `{"upstream":"a:80"}`,
		"grpc {" + tlsOptions + "}":                           `{` + tlsJSON + `}`,
		"fastcgi":                                             `{}`,
		"fastcgi /ping":                                       `{"uri":"/ping"}`,
		"fastcgi {\nuri /health.php?a=b\nroot /srv/app\n}":    `{"uri":"/health.php?a=b","root":"/srv/app"}`,
		"fastcgi {\nparam A 1\nparam B 2\n}":                  `{"params":{"A":"1","B":"2"}}`,
		"fastcgi {\nstatus 200 3xx\nbody ok\nport 81\n}":      `{"port":81,"expect_status":[200,"3xx"],"expect_body":"ok"}`,
		"fastcgi {" + tlsOptions + "}":                        `{` + tlsJSON + `}`,
		"redis":                                               `{}`,
		"redis primary":                                       `{"role":"primary"}`,
		"redis {\nrole replica\nport 6380\n}":                 `{"port":6380,"role":"replica"}`,
		"redis {\nusername a\npassword b" + tlsOptions + "}":  `{` + tlsJSON + `,"username":"a","password":"b"}`,
		"redis primary {\nsentinels a:1 b:1\nsentinel_name m\nsentinel_password p\n}": `{"role":"primary","sentinels":["a:1","b:1"],"sentinel_name":"m","sentinel_password":"p"}`,
		"agent {\nport 9999\nsend hello\\n\noptional\n}":                              `{"port":9999,"send":"hello\\n","optional":true}`,
		"agent {\nupstream a:80" + tlsOptions + "}":                                   `{"upstream":"a:80",` + tlsJSON + `}`,
	} {
		if got, err := parsed(t, text); err != nil || got != want {
			t.Errorf("%q:\ngot  %s, %v\nwant %s", text, got, err, want)
		}
	}
}

// connectionOptions are the options that all probes over connections have.
const connectionOptions = "upstream, port, tls, tls_server_name, tls_trust_pool, tls_client_auth, " +
	"tls_insecure_skip_verify or proxy_protocol"

func TestMistakesInACaddyfileNameTheLine(t *testing.T) {
	const options = "upstream, port, tls, tls_server_name, tls_trust_pool, tls_client_auth, tls_insecure_skip_verify or proxy_protocol"
	const text, statuses = "text of one character or more", httpstatus.Expected
	for input, want := range map[string]string{
		"http /a /b": "http: unexpected argument '/b'; expected a block with uri, method, header, host, request_body, versions, " +
			"follow_redirects, status, body, max_size, fresh_connections, " + connectionOptions + ", at Testfile:1",
		"http /a {\nuri /b\n}":            "http: uri: '/b' is given besides '/a'; expected it once, at Testfile:2",
		"http \"\"":                       "http: uri: '' is not a path such as /healthz, at Testfile:1",
		"http healthz":                    "http: uri: 'healthz' is not a path such as /healthz, at Testfile:1",
		"http {\nuri http://a/b\n}":       "http: uri: 'http://a/b' is not a path such as /healthz, at Testfile:2",
		"http {\nuri\n}":                  "http: uri: missing value; expected a path such as /healthz, at Testfile:2",
		"http {\nmethod\n}":               "http: method: missing value; expected " + text + ", at Testfile:2",
		"http {\nmethod GET POST\n}":      "http: method: unexpected argument 'POST', at Testfile:2",
		"http {\nhost a\nhost b\n}":       "http: host: already given at Testfile:2, at Testfile:3",
		"http {\nheader A\n}":             "http: header: missing value; expected a key and one value or more, at Testfile:2",
		"http {\nrequest_body \"\"\n}":    "http: request_body: '' is not " + text + ", at Testfile:2",
		"http {\nversions\n}":             "http: versions: missing value; expected " + text + ", at Testfile:2",
		"http {\nfollow_redirects yes\n}": "http: follow_redirects: unexpected argument 'yes', at Testfile:2",
		"http {\nstatus\n}":               "http: status: missing value; expected " + statuses + ", at Testfile:2",
		"http {\nstatus 200 ok\n}":        "http: status: 'ok' is not " + statuses + ", at Testfile:2",
		"http {\nbody\n}":                 "http: body: missing value; expected " + text + ", at Testfile:2",
		"http {\nmax_size 0\n}":           "http: max_size: '0' is not a size of at least one byte such as 64KiB, at Testfile:2",
		"http {\nmax_size -1\n}":          "http: max_size: '-1' is not a size of at least one byte such as 64KiB, at Testfile:2",
		"http {\nmax_size 99EiB\n}":       "http: max_size: '99EiB' is not a size of at least one byte such as 64KiB, at Testfile:2",
		"http {\nfresh_connections no\n}": "http: fresh_connections: unexpected argument 'no', at Testfile:2",
		"http {\nport\n}":                 "http: port: missing value; expected " + text + ", at Testfile:2",
		"http {\nupstream\n}":             "http: upstream: missing value; expected " + text + ", at Testfile:2",
		"http {\ntls yes\n}":              "http: tls: unexpected argument 'yes', at Testfile:2",
		"http {\ntls_client_auth a\n}":    "http: tls_client_auth: missing value; expected a certificate file and a key file, at Testfile:2",
		"http {\ninterval 2s\n}":          "http: unknown option 'interval'; expected uri, method, header, host, request_body, versions, follow_redirects, status, body, max_size, fresh_connections, " + options + ", at Testfile:2",
		"tcp a:80": "tcp: unexpected argument 'a:80'; expected a block with send, expect, expect_regexp, " +
			connectionOptions + ", at Testfile:1",
		"tcp {\nsend\n}":                     "tcp: send: missing value; expected " + text + ", at Testfile:2",
		"tcp {\nexpect a b\n}":               "tcp: expect: unexpected argument 'b', at Testfile:2",
		"tcp {\nexpect_regexp\n}":            "tcp: expect_regexp: missing value; expected " + text + ", at Testfile:2",
		"tcp {\nproxy_protocol\n}":           "tcp: proxy_protocol: missing value; expected v1 or v2, at Testfile:2",
		"tcp {\nproxy_protocol v3\n}":        "tcp: proxy_protocol: 'v3' is not v1 or v2, at Testfile:2",
		"tcp {\nuri /\n}":                    "tcp: unknown option 'uri'; expected send, expect, expect_regexp, " + options + ", at Testfile:2",
		"grpc a b":                           "grpc: unexpected argument 'b'; expected a block with service, authority, " + connectionOptions + ", at Testfile:1",
		"grpc {\nauthority\n}":               "grpc: authority: missing value; expected " + text + ", at Testfile:2",
		"grpc a {\nservice b\n}":             "grpc: service: 'b' is given besides 'a'; expected it once, at Testfile:2",
		"grpc {\nuri a\n}":                   "grpc: unknown option 'uri'; expected service, authority, " + options + ", at Testfile:2",
		"fastcgi ping":                       "fastcgi: uri: 'ping' is not a path such as /ping, at Testfile:1",
		"fastcgi /a {\nuri /b\n}":            "fastcgi: uri: '/b' is given besides '/a'; expected it once, at Testfile:2",
		"fastcgi {\nparam A\n}":              "fastcgi: param: missing value; expected a key and a value, at Testfile:2",
		"fastcgi {\nparam A 1\nparam A 2\n}": "fastcgi: param: 'A' is given twice, at Testfile:3",
		"fastcgi {\nstatus ok\n}":            "fastcgi: status: 'ok' is not " + statuses + ", at Testfile:2",
		"fastcgi {\nmethod GET\n}":           "fastcgi: unknown option 'method'; expected uri, root, param, status, body, " + options + ", at Testfile:2",
		"redis master":                       "redis: role: 'master' is not primary or replica, at Testfile:1",
		"redis primary {\nrole replica\n}":   "redis: role: 'replica' is given besides 'primary'; expected it once, at Testfile:2",
		"redis {\nsentinels\n}":              "redis: sentinels: missing value; expected " + text + ", at Testfile:2",
		"redis {\nsend PING\n}":              "redis: unknown option 'send'; expected role, username, password, sentinels, sentinel_name, sentinel_password, " + options + ", at Testfile:2",
		"agent 9999":                         "agent: unexpected argument '9999'; expected a block with send, optional, " + connectionOptions + ", at Testfile:1",
		"agent {\noptional yes\n}":           "agent: optional: unexpected argument 'yes', at Testfile:2",
		"agent {\nsend\n}":                   "agent: send: missing value; expected " + text + ", at Testfile:2",
		"agent {\nexpect up\n}":              "agent: unknown option 'expect'; expected send, optional, " + options + ", at Testfile:2",
	} {
		_, err := parsed(t, input)
		wantError(t, input, err, want)
	}
}

func TestPortsAndStatusesMayBeNumbersInJSON(t *testing.T) {
	var probe HTTPProbe
	if err := json.Unmarshal([]byte(`{"port":81,"expect_status":[200,"3xx"]}`), &probe); err != nil {
		t.Fatal(err)
	}
	if provisioned(t, &probe); probe.port.literal != "81" || !probe.statuses.Contains(200) || !probe.statuses.Contains(301) || probe.statuses.Contains(201) {
		t.Errorf("got %+v", probe)
	}
}

func TestProvisionRefusesMistakesInAnHTTPProbe(t *testing.T) {
	wantRefused(t, map[string]*HTTPProbe{
		"uri: is not a path such as /healthz":                                  {URI: "http://a/b"},
		"uri: unrecognized placeholder {http.request.uri}":                     {URI: "/{http.request.uri}"},
		`method: "GET /" is not a method such as GET`:                          {Method: "GET /"},
		"host: unrecognized placeholder {a.b}":                                 {Host: "{a.b}"},
		"body: unrecognized placeholder {a.b}":                                 {Body: "{a.b}"},
		"headers: Host is set by host":                                         {Headers: map[string][]string{"host": {"a"}}},
		`headers: "A B" is not the name of a field`:                            {Headers: map[string][]string{"A B": {"a"}}},
		"headers: A: unrecognized placeholder {a.b}":                           {Headers: map[string][]string{"a": {"{a.b}"}}},
		`versions: "3" is not 1.1, 2 or h2c`:                                   {Versions: []string{"3"}},
		"versions: HTTP/2 needs tls; expected h2c for HTTP/2 without TLS":      {Versions: []string{"2"}},
		"versions: h2c conflicts with tls and with other versions":             {Versions: []string{"1.1", "h2c"}},
		`expect_status: "20x" is not ` + httpstatus.Expected:                   {ExpectStatus: []caddyhttp.WeakString{"20x"}},
		"expect_body: error parsing regexp: missing closing ): `(`":            {ExpectBody: "("},
		"expect_body: the answer to HEAD has no body; expected another method": {Method: "HEAD", ExpectBody: "a"},
		"max_size: -1 is less than 1 byte":                                     {MaxSize: -1},
	})
}
