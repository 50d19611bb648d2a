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
)

// grpcBackend counts calls. It answers a unary call with its name, and each message of a stream too.
type grpcBackend struct {
	pb.UnimplementedTestServiceServer
	*backend
}

func (b *grpcBackend) UnaryCall(_ context.Context, r *pb.SimpleRequest) (*pb.SimpleResponse, error) {
	b.hits.Add(1)
	// The client's last frame says that its message was all. A server that answers before that cuts the
	// request short, and Caddy's wrapper of request bodies has a race then (in v2.11.9).
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

func startGRPCBackends(t *testing.T, n int) (all fleet) {
	t.Helper()
	for i := range n {
		b := &grpcBackend{backend: &backend{name: string(rune('a' + i)), address: freeAddress(t)}}
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
	conn, err := grpc.NewClient("unix:"+p.socket(0), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return pb.NewTestServiceClient(conn)
}

// A connection whose last request is just over when its config ends would be kept as long as Caddy keeps
// idle ones.
const h2cBehind = "\ntransport http {\nversions h2c\nkeepalive 2s\n}"

func TestGRPCCallsOfOneConnectionSpreadOverAllEndpoints(t *testing.T) {
	fleet := startGRPCBackends(t, 3)
	for policy, line := range map[string]string{"smooth_weighted_round_robin": roundRobin, "adaptive_latency": ""} {
		t.Run(policy, func(t *testing.T) {
			before := fleet.hits()
			client := dialGRPC(t, startProxy(t, pooled(fleet, line+h2cBehind)))
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

func TestAStatusOfGRPCArrives(t *testing.T) {
	client := dialGRPC(t, startProxy(t, pooled(startGRPCBackends(t, 1), h2cBehind)))
	_, err := client.UnaryCall(t.Context(), &pb.SimpleRequest{ResponseStatus: &pb.EchoStatus{Code: int32(codes.NotFound), Message: "no such thing"}})
	if s := status.Convert(err); s.Code() != codes.NotFound || s.Message() != "no such thing" {
		t.Error(err)
	}
	expectInFlight(t, nil)
}

func TestGRPCStreamsSpreadAndAreInFlightUntilTheyEnd(t *testing.T) {
	fleet := startGRPCBackends(t, 3)
	client := dialGRPC(t, startProxy(t, pooled(fleet, roundRobin+h2cBehind)))
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
		names = speakIn(t, streams)
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
	if raceDetector { // which would find the race as above
		for _, s := range streams {
			s.CloseSend()
		}
	} else {
		leave()
	}
	expectInFlight(t, nil)
}

// speakIn returns who answers in each stream.
func speakIn(t *testing.T, streams []pb.TestService_FullDuplexCallClient) (names []string) {
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
