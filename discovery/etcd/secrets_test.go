package etcd_test

import (
	"context"
	"net"
	"testing"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

// echo is an etcd that repeats a wrong password.
type echo struct {
	etcdserverpb.UnimplementedAuthServer
}

// Authenticate implements etcdserverpb.AuthServer.
func (echo) Authenticate(
	_ context.Context, r *etcdserverpb.AuthenticateRequest,
) (*etcdserverpb.AuthenticateResponse, error) {
	return nil, status.Errorf(codes.InvalidArgument, "the password %q of %s is wrong", r.Password, r.Name)
}

func TestASecretShowsNowhere(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	etcdserverpb.RegisterAuthServer(server, echo{})
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	t.Run("password", func(t *testing.T) {
		caddytest.WantCanaryHidden(t, func(secret string) string {
			return "source etcd web/ {\nendpoints " + listener.Addr().String() + "\nusername caddy\npassword " + secret + "\n}"
		})
	})
	t.Run("endpoints", func(t *testing.T) {
		caddytest.WantCanaryHidden(t, func(secret string) string {
			return "source etcd web/ {\nendpoints http://caddy:" + secret + "@127.0.0.1:1\n}"
		})
	})
}
