package consul

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
	"github.com/hashicorp/consul/api"

	"github.com/caddy-balance/caddy-balance/internal/sourcetest"
)

func TestSettingsReachConsul(t *testing.T) {
	t.Setenv("CADDY_BALANCE_TOKEN", "secret")
	consul := startFake(t)
	sourcetest.Start(t, &Source{
		Services: []string{"web"}, Address: consul.URL, Token: "{env.CADDY_BALANCE_TOKEN}", Datacenter: "dc2", Namespace: "team",
		Partition: "p1", Tags: []string{"prod", "v2"}, Filter: `Service.Port != 1`, NodeMeta: map[string]string{"rack": "r1"},
		AllowStale: true,
	}).WantList()
	asked := consul.last()
	want := "/v1/health/service/web?dc=dc2&filter=Service.Port+%21%3D+1&node-meta=rack%3Ar1&ns=team&partition=p1&passing=1&stale=&tag=prod&tag=v2&wait=55000ms"
	if got := strings.Replace(asked.RequestURI, "index=7&", "", 1); got != want {
		t.Errorf("asked for %s; want %s", got, want)
	}
	if got := asked.Header.Get("X-Consul-Token"); got != "secret" {
		t.Errorf("sent the token %q", got)
	}
}

func TestTheEnvironmentOfConsulsCommandLineHasNoEffect(t *testing.T) {
	for name, value := range map[string]string{
		api.HTTPAddrEnvName: "127.0.0.1:1", api.HTTPTokenEnvName: "secret", api.HTTPTokenFileEnvName: "/nowhere",
		api.HTTPAuthEnvName: "user:secret", api.HTTPSSLEnvName: "true", api.HTTPCAFile: "/nowhere",
		api.HTTPNamespaceEnvName: "team", api.HTTPPartitionEnvName: "p1",
	} {
		t.Setenv(name, value)
	}
	consul := startFake(t)
	sourcetest.Start(t, &Source{Services: []string{"web"}, Address: strings.TrimPrefix(consul.URL, "http://")}).WantList()
	asked := consul.last()
	if asked.FormValue("ns") != "" || asked.FormValue("partition") != "" || len(asked.Header["X-Consul-Token"]) > 0 || len(asked.Header["Authorization"]) > 0 {
		t.Errorf("sent %s %v", asked.RequestURI, asked.Header)
	}
}

func TestEveryFormOfAddressReachesConsul(t *testing.T) {
	consul := startFake(t)
	socket := filepath.Join(t.TempDir(), "consul.sock")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	local := &http.Server{Handler: consul}
	go func() { _ = local.Serve(listener) }()
	t.Cleanup(func() { local.Close() })
	prefixed := httptest.NewServer(http.StripPrefix("/consul", consul))
	t.Cleanup(prefixed.Close)
	secure := httptest.NewTLSServer(consul)
	t.Cleanup(secure.Close)
	trusting := &reverseproxy.TLSConfig{InsecureSkipVerify: true}
	for name, s := range map[string]*Source{
		"host and port": {Address: strings.TrimPrefix(consul.URL, "http://")},
		"URL":           {Address: consul.URL},
		"path":          {Address: prefixed.URL + "/consul"},
		"socket":        {Address: "unix/" + socket},
		"TLS":           {Address: strings.TrimPrefix(secure.URL, "https://"), TLS: trusting},
		"https":         {Address: secure.URL, TLS: trusting},
	} {
		t.Run(name, func(t *testing.T) {
			s.Services = []string{"web"}
			sourcetest.Start(t, s).WantList()
		})
	}
	t.Run("unknown certificate", func(t *testing.T) {
		sourcetest.Start(t, &Source{Services: []string{"web"}, Address: secure.URL}).WantError("certificate")
	})
}

func TestADeadConnectionThatStaysOpenIsAnError(t *testing.T) {
	s := &Source{Services: []string{"web"}}
	provision(t, s)
	synctest.Test(t, func(t *testing.T) {
		connection, err := s.connect()
		if err != nil {
			t.Fatal(err)
		}
		connection.transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
			near, far := net.Pipe()
			go func() { _, _ = io.Copy(io.Discard, far) }()
			return near, nil
		}
		start := time.Now()
		err = s.follow(t.Context(), connection.Client, "web", nil)
		if err == nil || !strings.Contains(err.Error(), "no answer in time") {
			t.Errorf("ended with %v", err)
		}
		if took := time.Since(start); took < defaultWait || took > 2*defaultWait {
			t.Errorf("gave up after %s", took)
		}
		connection.transport.CloseIdleConnections()
	})
}

func TestAnAnswerIsBounded(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for chunk := make([]byte, 1<<20); ; {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	}))
	t.Cleanup(server.Close)
	client := http.Client{Transport: &explicitSettings{Transport: new(http.Transport)}}
	answer, err := client.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	n, err := io.Copy(io.Discard, answer.Body)
	if n != maxAnswer {
		t.Errorf("read %d bytes; want %d", n, maxAnswer)
	}
	if got := new(Source).readable(t.Context(), err); got == nil || got.Error() != "the answer has more than 134217728 bytes" {
		t.Errorf("got %v", got)
	}
}

func TestInvalidSettingsAreRefused(t *testing.T) {
	for want, s := range map[string]*Source{
		"services: none given":                                         {},
		"services: service 2 is empty":                                 {Services: []string{"web", ""}},
		`services: "a/b" has a slash`:                                  {Services: []string{"a/b"}},
		`format: "hertz" is not known; expected auto, kitex or kratos`: {Services: []string{"web"}, Format: "hertz"},
		"scheme: evaluated placeholder {env.CADDY_BALANCE_NONE}":       {Services: []string{"web"}, Scheme: "{env.CADDY_BALANCE_NONE}"},
		`services: "web" is given twice`:                               {Services: []string{"web", "web"}},
		"wait: 500ms is less than 1s":                                  {Services: []string{"web"}, Wait: caddy.Duration(time.Second / 2)},
		"wait: 1h0m0s is more than 10m0s":                              {Services: []string{"web"}, Wait: caddy.Duration(time.Hour)},
		"address: expected a host and port":                            {Services: []string{"web"}, Address: "ftp://consul"},
		"address: expected a URL of a scheme":                          {Services: []string{"web"}, Address: "http://user:secret@consul:8500"},
		"token: evaluated placeholder {env.CADDY_BALANCE_NONE}":        {Services: []string{"web"}, Token: "{env.CADDY_BALANCE_NONE}"},
	} {
		ctx, cancel := caddy.NewContext(caddy.Context{Context: t.Context()})
		err := s.Provision(ctx)
		cancel()
		if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("got %v; want %s", err, want)
		}
	}
}
