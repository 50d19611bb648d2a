package nacos

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	wire "github.com/nacos-group/nacos-sdk-go/v2/api/grpc"
	"github.com/nacos-group/nacos-sdk-go/v2/common/remote/rpc/rpc_response"
	"github.com/nacos-group/nacos-sdk-go/v2/model"
	"go.uber.org/goleak"

	"github.com/caddy-balance/caddy-balance/internal/leaktest"
	"github.com/caddy-balance/caddy-balance/internal/sourcetest"
)

func TestTheListIsReportedAndThenEachPush(t *testing.T) {
	nacos := startFake(t)
	nacos.hosts = []model.Instance{host("10.0.0.1", 80)}
	running := follow(t, &Source{Service: "web"}, nacos)
	running.WantList("10.0.0.1:80")
	nacos.list(host("10.0.0.1", 80), host("10.0.0.2", 80))
	running.WantList("10.0.0.1:80", "10.0.0.2:80")
	if confirmed := decoded(t, nacos.hears(t, "NotifySubscriberResponse")); confirmed["requestId"] != "17" || confirmed["success"] != true {
		t.Errorf("confirmed a push with %v", confirmed)
	}
	nacos.list()
	running.WantList()
}

func TestAnAnswerMayLackTheFlagOfSuccess(t *testing.T) {
	nacos := startFake(t)
	nacos.answer("SubscribeServiceRequest", payload("SubscribeServiceResponse",
		`{"resultCode": 200, "success": false, "serviceInfo": {"hosts": [{"ip": "a", "port": 1, "weight": 1, "healthy": true, "enabled": true}]}}`, nil))
	follow(t, &Source{Service: "web"}, nacos).WantList("a:1")
}

func TestSettingsReachNacos(t *testing.T) {
	nacos := startFake(t)
	follow(t, &Source{Service: "web", Namespace: "team", Group: "g", Clusters: []string{"a", "b"}}, nacos).WantList()
	asked := decoded(t, string(nacos.first("SubscribeServiceRequest").Body.Value))
	for key, want := range map[string]any{"namespace": "team", "serviceName": "web", "groupName": "g", "clusters": "a,b", "subscribe": true} {
		if asked[key] != want {
			t.Errorf("%s: got %v; want %v", key, asked[key], want)
		}
	}
	if setup := decoded(t, nacos.hears(t, "ConnectionSetupRequest")); setup["tenant"] != "team" {
		t.Errorf("set up with %v", setup)
	}
}

func TestAListOlderThanTheLastIsIgnored(t *testing.T) {
	nacos := startFake(t)
	running := follow(t, &Source{Service: "web"}, nacos)
	running.WantList()
	nacos.mu.Lock()
	nacos.push(model.Service{Hosts: []model.Instance{host("10.0.0.9", 80)}, LastRefTime: 99})
	nacos.mu.Unlock()
	nacos.hears(t, "NotifySubscriberResponse")
	nacos.list(host("10.0.0.1", 80))
	if got := sourcetest.Addresses(running.Next().Endpoints); got != "10.0.0.1:80" {
		t.Errorf("got %s; want 10.0.0.1:80", got)
	}
}

func TestAServerThatChecksTheConnectionIsAnswered(t *testing.T) {
	nacos := startFake(t)
	running := follow(t, &Source{Service: "web"}, nacos)
	running.WantList()
	nacos.say("ClientDetectionRequest", `{"requestId": "18"}`)
	if answer := decoded(t, nacos.hears(t, "ClientDetectionResponse")); answer["requestId"] != "18" {
		t.Errorf("answered %v", answer)
	}
	nacos.say("SomethingNew", `{}`)
	nacos.list(host("10.0.0.1", 80))
	running.WantList("10.0.0.1:80")
}

func TestRunReturnsTheErrorThatStoppedIt(t *testing.T) {
	for want, happens := range map[string]func(*fakeNacos){
		"the server asks to reconnect":                  func(f *fakeNacos) { f.say("ConnectResetRequest", `{"ServerIp": "10.0.0.1"}`) },
		"NotifySubscriberRequest: unexpected end":       func(f *fakeNacos) { f.say("NotifySubscriberRequest", "") },
		"NotifySubscriberRequest: invalid":              func(f *fakeNacos) { f.say("NotifySubscriberRequest", "<html>") },
		"ClientDetectionRequest: json: cannot":          func(f *fakeNacos) { f.say("ClientDetectionRequest", "[]") },
		"Unavailable":                                   func(f *fakeNacos) { f.Stop() },
		`heartbeat: the server answered 500: "no more"`: func(f *fakeNacos) { f.answer("HealthCheckRequest", refuse(500, "no more")) },
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			nacos := startFake(t)
			running := follow(t, &Source{Service: "web"}, nacos)
			running.WantList()
			happens(nacos)
			running.WantError(want)
		})
	}
}

func TestARefusalIsNotAList(t *testing.T) {
	for want, answer := range map[string]*wire.Payload{
		`service "web": the server answered 403: "user not found"`: refuse(403, "user not found"),
		`the server answered 500: "failed"`: confirm(&rpc_response.SubscribeServiceResponse{
			Response: &rpc_response.Response{ResultCode: 500, ErrorCode: 500, Message: "failed"}}),
		`the server answered 0: ""`:                               payload("SubscribeServiceResponse", "{}", nil),
		`the answer is "HealthCheckResponse"`:                     confirm(&rpc_response.HealthCheckResponse{Response: confirmation("")}),
		"SubscribeServiceResponse: invalid":                       payload("SubscribeServiceResponse", "<html>", nil),
		"SubscribeServiceResponse: unexpected":                    {Metadata: &wire.Metadata{Type: "SubscribeServiceResponse"}},
		`the answer is ""; expected Subscribe`:                    {},
		"SubscribeServiceResponse: is an object; expected a list": payload("SubscribeServiceResponse", `{"serviceInfo": {"hosts": {}}}`, nil),
	} {
		t.Run(want, func(t *testing.T) {
			nacos := startFake(t)
			nacos.answer("SubscribeServiceRequest", answer)
			running := follow(t, &Source{Service: "web"}, nacos)
			running.WantError(want)
			if n := running.Lists(); n > 0 {
				t.Errorf("reported %d lists; want none", n)
			}
		})
	}
}

func TestTheNextServerIsTriedIfOneIsNotReady(t *testing.T) {
	starting, ready := startFake(t), startFake(t)
	starting.answer("ServerCheckRequest", refuse(300, "server is starting"))
	ready.hosts = []model.Instance{host("10.0.0.1", 80)}
	follow(t, &Source{Service: "web", Servers: []string{"127.0.0.1:1", "127.0.0.1:2"}}, starting, ready).WantList("10.0.0.1:80")
	both := follow(t, &Source{Service: "web", Servers: []string{"127.0.0.1:1", "127.0.0.1:2"}}, starting, starting)
	both.WantError(`server 127.0.0.1:1: the server answered 300: "server is starting"`)
}

func TestATokenIsFetchedAndSent(t *testing.T) {
	t.Setenv("CADDY_BALANCE_PASSWORD", "secret")
	nacos := startFake(t)
	login := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/registry/v1/auth/users/login" || r.PostFormValue("username") != "caddy" || r.PostFormValue("password") != "secret" {
			http.Error(w, "unknown user!", http.StatusForbidden)
			return
		}
		_, _ = w.Write([]byte(`{"accessToken": "tok", "tokenTtl": 18000}`))
	}))
	t.Cleanup(login.Close)
	address := strings.TrimPrefix(login.URL, "http://")
	follow(t, &Source{Service: "web", Servers: []string{address}, ContextPath: "registry/", Username: "caddy", Password: "{env.CADDY_BALANCE_PASSWORD}"}, nacos).WantList()
	if got := nacos.first("SubscribeServiceRequest").Metadata.Headers["accessToken"]; got != "tok" {
		t.Errorf("sent the token %q", got)
	}
	wrong := follow(t, &Source{Service: "web", Servers: []string{address}, ContextPath: "registry", Username: "caddy", Password: "guess"}, nacos)
	wrong.WantError(`login: the server answered 403: "unknown user!`)
}

func TestABrokenAnswerToALoginIsAnError(t *testing.T) {
	for body, want := range map[string]string{
		`{}`:                             "the answer has no accessToken",
		`{"accessToken": null}`:          "the answer has no accessToken",
		`{"accessToken": 1}`:             "cannot unmarshal number",
		`<html>`:                         "invalid character '<'",
		strings.Repeat(" ", 2*maxLogin):  "unexpected end of JSON",
		`{"accessToken": "t", "more":{}`: "unexpected end of JSON",
	} {
		login := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(body))
		}))
		t.Cleanup(login.Close)
		s := &Source{Service: "web", Servers: []string{strings.TrimPrefix(login.URL, "http://")}, Username: "u", Password: "p"}
		follow(t, s).WantError(want)
	}
}

func TestASourceThatStoppedLeavesNothingBehind(t *testing.T) {
	before := goleak.IgnoreCurrent()
	nacos := startFake(t)
	running := follow(t, &Source{Service: "web"}, nacos)
	running.WantList()
	if err := running.Stop(); err != nil {
		t.Errorf("stopped with %v", err)
	}
	nacos.Stop()
	leaktest.WantNone(t, before)
}
