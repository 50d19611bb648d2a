package traffic

import (
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	pb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// StreamingOutputCall sends one message, and then the status that the request asks for.
func (b *grpcBackend) StreamingOutputCall(
	r *pb.StreamingOutputCallRequest, s pb.TestService_StreamingOutputCallServer,
) error {
	b.hits.Add(1)
	err := s.Send(&pb.StreamingOutputCallResponse{Payload: &pb.Payload{Body: []byte(b.name)}})
	if err == nil && r.ResponseStatus != nil {
		err = status.Error(codes.Code(r.ResponseStatus.Code), r.ResponseStatus.Message)
	}
	return err
}

func TestTheGuardCountsCallsOfGRPCThatFail(t *testing.T) {
	fleet := startGRPCBackends(t, 2)
	for _, c := range []struct {
		name    string
		code    codes.Code
		streams bool
		stops   bool
	}{
		{"in the header", codes.Internal, false, true},
		{"in the trailer", codes.Unavailable, true, true},
		{"an answer in the header", codes.NotFound, false, false},
		{"an answer in the trailer", codes.NotFound, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			site := guardedPool(fleet, "guard {\nmin_requests 50\n}\nforce header X-Version")
			p := startProxy(t, strings.TrimSuffix(site, "}")+h2cTransport+"\n}")
			client := dialGRPC(t, p)
			call := func(group string, code codes.Code) {
				ctx := metadata.AppendToOutgoingContext(t.Context(), "x-version", group)
				want := &pb.EchoStatus{Code: int32(code)}
				if !c.streams {
					_, _ = client.UnaryCall(ctx, &pb.SimpleRequest{ResponseStatus: want})
					return
				}
				s, err := client.StreamingOutputCall(ctx, &pb.StreamingOutputCallRequest{ResponseStatus: want})
				for err == nil {
					_, err = s.Recv()
				}
			}
			for range 100 {
				call("stable", codes.OK)
				call("canary", c.code)
			}
			eventually(t, "the guard judges", func() bool { return p.group("canary").Guard != endpoint.GuardWaits })
			if got := p.group("canary").Guard == endpoint.GuardStopped; got != c.stops {
				t.Errorf("the guard says: %s", p.group("canary").Guard)
			}
		})
	}
}
