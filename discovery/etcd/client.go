package etcd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/caddy-balance/caddy-balance/discovery"
)

const (
	// maxMessage is the most bytes that etcd may answer at once. A value may have 1.5 MiB by etcd's default; whatever is
	// larger than an endpoint may be is dropped as soon as it was received.
	maxMessage = 16 << 20

	// keepAliveTime is how often a quiet connection is tried. etcd ends one that is tried more
	// than every five seconds.
	keepAliveTime = 10 * time.Second

	// maxTries is two, since the client needs a second try when its token has expired. More would only delay
	// the error: when to come back is the pool's business.
	maxTries = 2
)

// address checks the endpoints and gives each its scheme: the client goes by the first one's, and would
// speak to the others, and send the password, without TLS if that had none.
func (s *Source) address() error {
	if len(s.Endpoints) == 0 {
		return errors.New("endpoints: none given; expected at least one, such as https://10.0.0.1:2379")
	}
	s.endpoints = make([]string, len(s.Endpoints))
	for i, given := range s.Endpoints {
		text := given
		if err := discovery.Resolve(fmt.Sprintf("endpoint %d", i+1), &text); err != nil {
			return err
		}
		scheme, err := s.withScheme(text, &s.endpoints[i])
		switch {
		case err != nil:
			return fmt.Errorf("endpoint %d: %q: %w", i+1, given, err)
		case scheme == "http" && s.tls != nil:
			return fmt.Errorf("endpoint %d: %q has no TLS, but tls is set; expected https", i+1, given)
		case !strings.HasPrefix(s.endpoints[0], scheme+"://"):
			return fmt.Errorf("endpoint %d: %q is %s, unlike the first one; expected the same for all", i+1, given, scheme)
		}
	}
	return nil
}

func (s *Source) withScheme(text string, into *string) (scheme string, err error) {
	const expected = "expected http:// or https://, a host and a port, as in https://10.0.0.1:2379"
	if !strings.Contains(text, "://") {
		scheme := "http://"
		if s.tls != nil {
			scheme = "https://"
		}
		text = scheme + text
	}
	u, err := url.Parse(text)
	if err != nil || !slices.Contains([]string{"http", "https"}, u.Scheme) || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
		return "", errors.New(expected) // url's own error would tell what a placeholder stands for
	}
	if host, port, err := net.SplitHostPort(u.Host); err != nil || host == "" || port == "" {
		return "", errors.New(expected)
	}
	*into = u.Scheme + "://" + u.Host
	return u.Scheme, nil
}

// connect makes the client, and logs in if there is a user.
func (s *Source) connect(ctx context.Context) (*clientv3.Client, error) {
	client, err := clientv3.New(clientv3.Config{
		Context:              ctx,
		Endpoints:            s.endpoints,
		TLS:                  s.tls,
		Username:             s.Username,
		Password:             s.Password,
		DialTimeout:          time.Duration(s.Timeout),
		DialKeepAliveTime:    keepAliveTime,
		DialKeepAliveTimeout: time.Duration(s.Timeout),
		MaxCallRecvMsgSize:   maxMessage,
		MaxUnaryRetries:      maxTries,
		Logger:               zap.NewNop(),
		DialOptions: []grpc.DialOption{
			grpc.WithChainUnaryInterceptor(failFast),
			grpc.WithChainStreamInterceptor(new(oneWatch).intercept),
		},
	})
	if err != nil {
		return nil, fmt.Errorf("connecting to etcd: %w", err)
	}
	return client, nil
}

// failFast makes an error of a refused connection at once. The client would rather try until the time is up, and then
// not say what was wrong.
func failFast(ctx context.Context, method string, request, reply any, conn *grpc.ClientConn,
	invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	return invoke(ctx, method, request, reply, conn, append(opts, grpc.WaitForReady(false))...)
}

// oneWatch keeps the client from resuming a watch by itself. It would ask for what came after the last revision that it
// has seen, and an etcd that came back with an older state answers that with silence until its revision gets there.
type oneWatch struct{ begun atomic.Bool }

func (w *oneWatch) intercept(ctx context.Context, desc *grpc.StreamDesc, conn *grpc.ClientConn, method string,
	open grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	if w.begun.Swap(true) {
		return nil, status.Error(codes.Aborted, "the connection broke")
	}
	return open(ctx, desc, conn, method, append(opts, grpc.WaitForReady(false))...)
}
