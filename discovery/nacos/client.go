package nacos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	wire "github.com/nacos-group/nacos-sdk-go/v2/api/grpc"
	"github.com/nacos-group/nacos-sdk-go/v2/common/constant"
	"github.com/nacos-group/nacos-sdk-go/v2/common/remote/rpc/rpc_request"
	"github.com/nacos-group/nacos-sdk-go/v2/common/remote/rpc/rpc_response"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/caddy-balance/caddy-balance/discovery"
)

const (
	// answerTime is the maximum time of an answer. A later answer is an error.
	answerTime = 5 * time.Second

	// setupTime is the maximum time until a server has registered a new connection. The server does
	// not confirm that, so the source tries to subscribe after each setupPause.
	setupTime  = 5 * time.Second
	setupPause = 100 * time.Millisecond

	// maxMessage is the maximum size of a message in bytes. It has room for ten thousand instances
	// with 3 KiB of metadata each.
	maxMessage = 32 << 20
)

// connection is a connection to one server, with calls and a stream on which the server pushes.
type connection struct {
	conn   *grpc.ClientConn
	calls  wire.RequestClient
	stream wire.BiRequestStream_RequestBiStreamClient
	token  string

	password string // which the server may repeat
}

// connect opens a connection to the first server that answers. It tries them in order, from index
// first on.
func (s *Source) connect(ctx context.Context, first int) (*connection, error) {
	var problems []error
	for i := range s.servers {
		at := s.servers[(first+i)%len(s.servers)]
		c, err := s.connectTo(ctx, at)
		if err == nil {
			return c, nil
		}
		problems = append(problems, fmt.Errorf("server %s: %w", at.http, err))
	}
	return nil, errors.Join(problems...)
}

// connectTo logs in at a server and opens a connection to it.
func (s *Source) connectTo(ctx context.Context, at server) (*connection, error) {
	loginCtx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	token, err := s.login(loginCtx, at)
	if err != nil {
		return nil, fmt.Errorf("login: %w", err)
	}
	security := insecure.NewCredentials()
	if s.TLS != nil {
		security = credentials.NewTLS(s.tls.Clone())
	}
	conn, err := grpc.NewClient(at.grpc, grpc.WithTransportCredentials(security),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage)))
	if err != nil {
		return nil, err
	}
	c := &connection{conn: conn, calls: wire.NewRequestClient(conn), token: token, password: s.Password}
	if err := c.setUp(ctx, s.Namespace); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return c, nil
}

// setUp opens the stream and registers the connection at the server. The stream ends with ctx.
func (c *connection) setUp(ctx context.Context, namespace string) error {
	check := &rpc_response.ServerCheckResponse{Response: new(rpc_response.Response)}
	if err := c.call(ctx, rpc_request.NewServerCheckRequest(), check); err != nil {
		return err
	}
	var err error
	if c.stream, err = wire.NewBiRequestStreamClient(c.conn).RequestBiStream(ctx); err != nil {
		return err
	}
	setup := rpc_request.NewConnectionSetupRequest()
	setup.ClientVersion = constant.CLIENT_VERSION
	setup.Tenant = namespace
	setup.Labels = map[string]string{
		constant.LABEL_SOURCE: constant.LABEL_SOURCE_SDK,
		constant.LABEL_MODULE: constant.LABEL_MODULE_NAMING,
	}
	return c.stream.Send(payload(setup.GetRequestType(), setup.GetBody(setup), nil))
}

// call sends a request and decodes its answer into response. A refusal is an error.
func (c *connection) call(ctx context.Context, request rpc_request.IRequest, response rpc_response.IResponse) error {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	var headers map[string]string
	if c.token != "" {
		headers = map[string]string{constant.KEY_ACCESS_TOKEN: c.token}
	}
	answer, err := c.calls.Request(ctx, payload(request.GetRequestType(), request.GetBody(request), headers))
	if err != nil {
		return err
	}
	err = decodeAnswer(answer, response)
	if refused := new(refusal); errors.As(err, &refused) { // its message is cut off later
		refused.message = discovery.WithoutSecrets(errors.New(refused.message), c.token, c.password).Error()
	}
	return err
}

// decodeAnswer decodes an answer. Unlike the SDK it checks the type of the answer first.
func decodeAnswer(answer *wire.Payload, into rpc_response.IResponse) error {
	refused := &rpc_response.ErrorResponse{Response: new(rpc_response.Response)}
	switch kind := answer.GetMetadata().GetType(); kind {
	case into.GetResponseType():
	case refused.GetResponseType():
		into = refused
	default:
		return fmt.Errorf("the answer is %.100q; expected %s, is this Nacos?", kind, into.GetResponseType())
	}
	if err := json.Unmarshal(answer.GetBody().GetValue(), into); err != nil {
		return fmt.Errorf("%s: %w", into.GetResponseType(), err)
	}
	// The code alone decides, as in Nacos' Java client. The SDK also reads the flag of success,
	// which some servers do not set.
	if into.GetResultCode() != constant.RESPONSE_CODE_SUCCESS {
		return &refusal{into.GetErrorCode(), into.GetMessage()}
	}
	return nil
}

// refusal is an answer with an error of the server.
type refusal struct {
	code    int
	message string
}

func (r *refusal) Error() string {
	return fmt.Sprintf("the server answered %d: %.200q", r.code, r.message)
}

// payload returns a message in the form in which gRPC transfers it.
func payload(kind, body string, headers map[string]string) *wire.Payload {
	return &wire.Payload{
		Metadata: &wire.Metadata{Type: kind, Headers: headers},
		Body:     &anypb.Any{Value: []byte(body)},
	}
}
