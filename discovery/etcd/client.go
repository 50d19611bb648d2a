package etcd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
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
	// maxMessage is the maximum size of an answer in bytes. By etcd's default a value may have 1.5
	// MiB. A value that is too large for an endpoint is dropped as soon as it was received.
	maxMessage = 16 << 20

	// keepAliveTime is the time after which a quiet connection is pinged. etcd closes a connection
	// with more than one ping in five seconds.
	keepAliveTime = 10 * time.Second

	// maxTries is two, because the client needs a second try when its token has expired. More would
	// only delay the error, after which the pool decides when to try again.
	maxTries = 2
)

// setEndpoints checks the endpoints and adds missing schemes. All schemes must be equal, because
// the client uses that of the first endpoint for all. Were it http, the client would send the
// password to an https endpoint without TLS. Errors do not quote an endpoint, because it may hold a
// password by mistake.
func (s *Source) setEndpoints() error {
	if len(s.Endpoints) == 0 {
		return errors.New("endpoints: none given; expected at least one, such as https://10.0.0.1:2379")
	}
	s.endpoints = make([]string, len(s.Endpoints))
	for i, text := range s.Endpoints {
		if err := discovery.Resolve(fmt.Sprintf("endpoint %d", i+1), &text); err != nil {
			return err
		}
		endpoint, err := s.withScheme(text)
		scheme, _, _ := strings.Cut(endpoint, "://")
		switch {
		case err != nil:
			return fmt.Errorf("endpoint %d: %w", i+1, err)
		case scheme == "http" && s.tls != nil:
			return fmt.Errorf("endpoint %d: has no TLS, but tls is set; expected https", i+1)
		case i > 0 && !strings.HasPrefix(s.endpoints[0], scheme+"://"):
			return fmt.Errorf("endpoint %d: is %s, unlike the first one; expected the same for all", i+1, scheme)
		}
		s.endpoints[i] = endpoint
	}
	return nil
}

// withScheme returns an endpoint as a scheme, a host and a port.
func (s *Source) withScheme(text string) (string, error) {
	const expected = "expected http:// or https://, a host and a port, as in https://10.0.0.1:2379"
	if !strings.Contains(text, "://") {
		scheme := "http://"
		if s.tls != nil {
			scheme = "https://"
		}
		text = scheme + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" ||
		u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
		return "", errors.New(expected) // the error of url would show the value of a placeholder
	}
	if host, port, err := net.SplitHostPort(u.Host); err != nil || host == "" || port == "" {
		return "", errors.New(expected)
	}
	return u.Scheme + "://" + u.Host, nil
}

// connect makes a client and logs in if there is a user.
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
			grpc.WithDefaultCallOptions(grpc.ForceCodecV2(newBoundedCodec())),
			grpc.WithChainUnaryInterceptor(failFast),
			grpc.WithChainStreamInterceptor(new(oneWatch).intercept),
		},
	})
	if err != nil {
		return nil, fmt.Errorf("connecting to etcd: %w", err)
	}
	return client, nil
}

// failFast returns an error at once if a connection is refused. By default the client would try
// again until the timeout, and its error would not name the cause.
func failFast(ctx context.Context, method string, request, reply any, conn *grpc.ClientConn,
	invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	return invoke(ctx, method, request, reply, conn, append(opts, grpc.WaitForReady(false))...)
}

// oneWatch keeps the client from resuming a watch by itself. The client would resume it after the
// last revision that it has seen. An etcd that came back with an older state would then send
// nothing until it reaches that revision.
type oneWatch struct{ opened atomic.Bool }

// intercept is a grpc.StreamClientInterceptor. It fails from the second stream on.
func (w *oneWatch) intercept(ctx context.Context, desc *grpc.StreamDesc, conn *grpc.ClientConn, method string,
	open grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	if w.opened.Swap(true) {
		return nil, status.Error(codes.Aborted, "the connection broke")
	}
	return open(ctx, desc, conn, method, append(opts, grpc.WaitForReady(false))...)
}
