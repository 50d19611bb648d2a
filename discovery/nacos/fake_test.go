package nacos

import (
	"context"
	"encoding/json"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	wire "github.com/nacos-group/nacos-sdk-go/v2/api/grpc"
	"github.com/nacos-group/nacos-sdk-go/v2/common/remote/rpc/rpc_request"
	"github.com/nacos-group/nacos-sdk-go/v2/common/remote/rpc/rpc_response"
	"github.com/nacos-group/nacos-sdk-go/v2/model"
	"google.golang.org/grpc"

	"github.com/caddy-balance/caddy-balance/internal/sourcetest"
)

// fakeNacos speaks as much of Nacos' protocol as the source asks for.
type fakeNacos struct {
	*grpc.Server
	address string

	mu      sync.Mutex
	hosts   []model.Instance
	time    uint64
	stream  wire.BiRequestStream_RequestBiStreamServer
	asked   map[string][]*wire.Payload                   // by type
	said    chan *wire.Payload                           // what came over streams
	answers map[string]func(*wire.Payload) *wire.Payload // in place of the fake's own, by type of the request
}

func startFake(t *testing.T) *fakeNacos {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &fakeNacos{
		Server: grpc.NewServer(), address: listener.Addr().String(), time: 100,
		asked: map[string][]*wire.Payload{}, said: make(chan *wire.Payload, 100),
		answers: map[string]func(*wire.Payload) *wire.Payload{},
	}
	wire.RegisterRequestServer(f.Server, f)
	wire.RegisterBiRequestStreamServer(f.Server, f)
	go func() { _ = f.Serve(listener) }()
	t.Cleanup(f.Stop)
	return f
}

// Request implements wire.RequestServer.
func (f *fakeNacos) Request(_ context.Context, p *wire.Payload) (*wire.Payload, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	kind := p.Metadata.Type
	f.asked[kind] = append(f.asked[kind], p)
	if answer := f.answers[kind]; answer != nil {
		return answer(p), nil
	}
	ok := confirmation("")
	switch kind {
	case "ServerCheckRequest":
		return confirm(&rpc_response.ServerCheckResponse{Response: ok, ConnectionId: "1"}), nil
	case "HealthCheckRequest":
		return confirm(&rpc_response.HealthCheckResponse{Response: ok}), nil
	case "SubscribeServiceRequest":
		if f.stream == nil {
			return refuse(301, "Connection is unregistered."), nil
		}
		return confirm(&rpc_response.SubscribeServiceResponse{Response: ok, ServiceInfo: f.service()}), nil
	}
	return refuse(500, "unknown request"), nil
}

func (f *fakeNacos) service() model.Service {
	return model.Service{Name: "web", GroupName: "DEFAULT_GROUP", Hosts: f.hosts, LastRefTime: f.time}
}

// RequestBiStream implements wire.BiRequestStreamServer.
func (f *fakeNacos) RequestBiStream(stream wire.BiRequestStream_RequestBiStreamServer) error {
	for {
		p, err := stream.Recv()
		if err != nil {
			return nil
		}
		f.mu.Lock()
		f.stream = stream
		f.mu.Unlock()
		f.said <- p
	}
}

// list changes the list and pushes it.
func (f *fakeNacos) list(hosts ...model.Instance) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hosts = hosts
	f.time++
	f.push(f.service())
}

func (f *fakeNacos) push(service model.Service) {
	request := rpc_request.NotifySubscriberRequest{
		NamingRequest: rpc_request.NewNamingRequest("", "", ""), ServiceInfo: service,
	}
	request.RequestId = "17"
	_ = f.stream.Send(payload(request.GetRequestType(), request.GetBody(&request), nil))
}

// say sends something over the stream.
func (f *fakeNacos) say(kind, body string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	_ = f.stream.Send(payload(kind, body, nil))
}

// answer replaces the answers to requests of a type.
func (f *fakeNacos) answer(kind string, with *wire.Payload) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answers[kind] = func(*wire.Payload) *wire.Payload { return with }
}

func (f *fakeNacos) first(kind string) *wire.Payload {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked[kind][0]
}

// hears waits for a message of a type on a stream.
func (f *fakeNacos) hears(t *testing.T, kind string) string {
	t.Helper()
	for {
		select {
		case p := <-f.said:
			if p.Metadata.Type == kind {
				return string(p.Body.Value)
			}
		case <-time.After(sourcetest.Patience):
			t.Fatalf("no %s", kind)
		}
	}
}

func refuse(code int, message string) *wire.Payload {
	refusal := &rpc_response.Response{ResultCode: 500, ErrorCode: code, Message: message}
	return confirm(&rpc_response.ErrorResponse{Response: refusal})
}

// host is an instance that is healthy and enabled.
func host(ip string, port uint64, changes ...func(*model.Instance)) model.Instance {
	i := model.Instance{Ip: ip, Port: port, Weight: 1, Healthy: true, Enable: true, Ephemeral: true, ClusterName: "DEFAULT"}
	for _, change := range changes {
		change(&i)
	}
	return i
}

// follow runs a source against fakes, whose ports are not 1000 apart, until the test ends.
func follow(t *testing.T, s *Source, fakes ...*fakeNacos) *sourcetest.Running {
	t.Helper()
	ctx, cancel := caddy.NewContext(caddy.Context{Context: t.Context()})
	t.Cleanup(cancel)
	if err := s.Provision(ctx); err != nil {
		t.Fatal(err)
	}
	for i, f := range fakes {
		s.servers[i].grpc = f.address
	}
	return sourcetest.Follow(t, s.Run)
}

// decoded returns the fields of an object in JSON.
func decoded(t *testing.T, body string) (fields map[string]any) {
	t.Helper()
	if err := json.Unmarshal([]byte(body), &fields); err != nil {
		t.Fatal(err)
	}
	return fields
}
