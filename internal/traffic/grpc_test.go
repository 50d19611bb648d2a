package traffic

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	pb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

// grpcBackend is a backend that speaks gRPC. It answers a unary call, and each message of a stream,
// with its name.
type grpcBackend struct {
	pb.UnimplementedTestServiceServer
	*backend
}

func (b *grpcBackend) UnaryCall(_ context.Context, r *pb.SimpleRequest) (*pb.SimpleResponse, error) {
	b.hits.Add(1)
	// The client ends its request with a frame of its own. A server that answers before that frame
	// cuts the request short, and then Caddy v2.11.9 has a race in its wrapper of request bodies.
	time.Sleep(5 * time.Millisecond)
	if r.ResponseStatus != nil {
		return nil, status.Error(codes.Code(r.ResponseStatus.Code), r.ResponseStatus.Message)
	}
	return &pb.SimpleResponse{Hostname: b.name}, nil
}

func (b *grpcBackend) FullDuplexCall(s pb.TestService_FullDuplexCallServer) error {
	b.hits.Add(1)
	for {
		_, err := s.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = s.Send(&pb.StreamingOutputCallResponse{Payload: &pb.Payload{Body: []byte(b.name)}})
		}
		if err != nil {
			return err
		}
	}
}

// startGRPCBackends starts n backends that are named a, b and so on.
func startGRPCBackends(t *testing.T, n int) (all fleet) {
	t.Helper()
	for i := range n {
		b := &grpcBackend{backend: &backend{name: string(rune('a' + i)), address: caddytest.FreeAddress(t)}}
		listener, err := net.Listen("tcp", b.address)
		if err != nil {
			t.Fatal(err)
		}
		server := grpc.NewServer()
		pb.RegisterTestServiceServer(server, b)
		go server.Serve(listener)
		t.Cleanup(server.Stop)
		all = append(all, b.backend)
	}
	return all
}

// dialGRPC makes a client with one connection.
func dialGRPC(t *testing.T, p *proxy) pb.TestServiceClient {
	t.Helper()
	conn, err := grpc.NewClient("unix:"+p.SiteSocket(0), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return pb.NewTestServiceClient(conn)
}

// h2cTransport is the transport for gRPC. It keeps idle connections only for a short time, because
// one whose last request ends together with its config outlives the config for that long.
const h2cTransport = "\ntransport http {\nversions h2c\nkeepalive 2s\n}"

func TestGRPCCallsOfOneConnectionSpreadOverAllEndpoints(t *testing.T) {
	fleet := startGRPCBackends(t, 3)
	for policy, line := range map[string]string{"smooth_weighted_round_robin": roundRobin, "adaptive_latency": ""} {
		t.Run(policy, func(t *testing.T) {
			client := dialGRPC(t, startProxy(t, pooled(fleet, line+h2cTransport)))
			if line == roundRobin {
				awaitTurns(t, len(fleet), func() string { return callOnce(t, client) })
			}
			before := fleet.hits()
			flood(3, 60, func(int) {
				if _, err := client.UnaryCall(t.Context(), new(pb.SimpleRequest)); err != nil {
					t.Error(err)
				}
			})
			for i, n := range fleet.hits() {
				if n -= before[i]; n == 0 || line == roundRobin && n != 20 {
					t.Errorf("%s had %d calls of 60", fleet[i].name, n)
				}
			}
			expectInFlight(t, nil)
		})
	}
}

func TestAGRPCStatusArrives(t *testing.T) {
	client := dialGRPC(t, startProxy(t, pooled(startGRPCBackends(t, 1), h2cTransport)))
	_, err := client.UnaryCall(t.Context(), &pb.SimpleRequest{
		ResponseStatus: &pb.EchoStatus{Code: int32(codes.NotFound), Message: "no such thing"},
	})
	if s := status.Convert(err); s.Code() != codes.NotFound || s.Message() != "no such thing" {
		t.Error(err)
	}
	expectInFlight(t, nil)
}

func TestGRPCStreamsSpreadAndAreInFlightUntilTheyEnd(t *testing.T) {
	fleet := startGRPCBackends(t, 3)
	client := dialGRPC(t, startProxy(t, pooled(fleet, roundRobin+h2cTransport)))
	awaitTurns(t, len(fleet), func() string { return callOnce(t, client) })
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	var streams []pb.TestService_FullDuplexCallClient
	for range 6 {
		s, err := client.FullDuplexCall(ctx)
		if err != nil {
			t.Fatal(err)
		}
		streams = append(streams, s)
	}
	var names []string
	for range 3 {
		names = callEach(t, streams)
		if sorted := slices.Sorted(slices.Values(names)); !slices.Equal(sorted, []string{"a", "a", "b", "b", "c", "c"}) {
			t.Errorf("6 streams are at %v", sorted)
		}
		expectInFlight(t, fleet.each(2))
	}
	for _, b := range fleet {
		s := streams[slices.Index(names, b.name)]
		s.CloseSend()
		if _, err := s.Recv(); !errors.Is(err, io.EOF) {
			t.Error(err)
		}
	}
	expectInFlight(t, fleet.each(1))
	if raceDetector { // leaving would show the race of UnaryCall
		for _, s := range streams {
			s.CloseSend()
		}
	} else {
		leave()
	}
	expectInFlight(t, nil)
}

// callOnce returns the name of the backend that answers a call.
func callOnce(t *testing.T, client pb.TestServiceClient) string {
	t.Helper()
	r, err := client.UnaryCall(t.Context(), new(pb.SimpleRequest))
	if err != nil {
		t.Fatal(err)
	}
	return r.Hostname
}

// callEach sends a message in each stream and returns the names of the backends that answer.
func callEach(t *testing.T, streams []pb.TestService_FullDuplexCallClient) (names []string) {
	t.Helper()
	for _, s := range streams {
		if err := s.Send(new(pb.StreamingOutputCallRequest)); err != nil {
			t.Fatal(err)
		}
		r, err := s.Recv()
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, string(r.Payload.Body))
	}
	return names
}
