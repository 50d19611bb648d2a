package nacos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	wire "github.com/nacos-group/nacos-sdk-go/v2/api/grpc"
	"github.com/nacos-group/nacos-sdk-go/v2/common/constant"
	"github.com/nacos-group/nacos-sdk-go/v2/common/remote/rpc/rpc_request"
	"github.com/nacos-group/nacos-sdk-go/v2/common/remote/rpc/rpc_response"
	"golang.org/x/sync/errgroup"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/recovered"
)

// heartbeatPause is the time between two heartbeats, as in the SDK. A server drops a client that
// was silent for 20s.
const heartbeatPause = constant.KEEP_ALIVE_TIME * time.Second

// Run implements discovery.Source.
func (s *Source) Run(ctx context.Context, report discovery.Report) error {
	tasks, runCtx := errgroup.WithContext(ctx)
	c, err := s.connect(runCtx, rand.IntN(len(s.servers)))
	if err == nil {
		defer func() { _ = c.conn.Close() }()
		sub := &subscription{report: report, limit: discovery.MaxEndpoints(ctx)}
		begin := func(task func() error) {
			tasks.Go(func() error { return recovered.Call("the source", task) })
		}
		begin(func() error { return c.listen(sub) })
		begin(func() error { return s.subscribe(runCtx, c, sub) })
		begin(func() error { return c.sendHeartbeats(runCtx) })
	}
	if failed := tasks.Wait(); err == nil {
		err = failed
	}
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// subscribe reports the list and makes the server push changes on the stream.
func (s *Source) subscribe(ctx context.Context, c *connection, sub *subscription) error {
	clusters := strings.Join(s.Clusters, ",")
	request := rpc_request.NewSubscribeServiceRequest(s.Namespace, s.Service, s.Group, clusters, true)
	list := newSubscribed(sub.limit)
	err := c.call(ctx, request, list)
	for deadline := time.Now().Add(setupTime); unregistered(err) && time.Now().Before(deadline) && ctx.Err() == nil; {
		time.Sleep(setupPause)
		err = c.call(ctx, request, list)
	}
	if err != nil {
		return fmt.Errorf("service %q: %w", s.Service, err)
	}
	sub.reportList(&list.ServiceInfo)
	return nil
}

// unregistered reports whether an error says that the server has not registered the stream yet.
func unregistered(err error) bool {
	var refused *refusal
	return errors.As(err, &refused) && refused.code == constant.UN_REGISTER
}

// sendHeartbeats keeps the server from dropping the connection. It returns an error if the
// connection is dead but still open.
func (c *connection) sendHeartbeats(ctx context.Context) error {
	ticker := time.NewTicker(heartbeatPause)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
		alive := &rpc_response.HealthCheckResponse{Response: new(rpc_response.Response)}
		if err := c.call(ctx, rpc_request.NewHealthCheckRequest(), alive); err != nil {
			return fmt.Errorf("heartbeat: %w", err)
		}
	}
}

// listen handles the messages of the server until the stream ends.
func (c *connection) listen(sub *subscription) error {
	for {
		message, err := c.stream.Recv()
		if err != nil {
			return err
		}
		answer, err := sub.handle(message)
		if err != nil {
			return err
		}
		if answer != nil {
			if err := c.stream.Send(answer); err != nil {
				return err
			}
		}
	}
}

// subscription reports the lists of the service that Nacos sends.
type subscription struct {
	report discovery.Report
	limit  int // the maximum number of instances

	mu     sync.Mutex
	newest uint64 // the time of the newest list
}

// handle handles a message of the server and returns the answer to it, or nil if it needs none.
func (s *subscription) handle(message *wire.Payload) (answer *wire.Payload, err error) {
	switch kind := message.GetMetadata().GetType(); kind {
	case constant.NOTIFY_SUBSCRIBE_REQUEST_NAME:
		push := newPushed(s.limit)
		if err := json.Unmarshal(message.GetBody().GetValue(), push); err != nil {
			return nil, fmt.Errorf("%s: %w", kind, err)
		}
		s.reportList(&push.ServiceInfo)
		return confirm(&rpc_response.NotifySubscriberResponse{Response: confirmation(push.RequestId)}), nil
	case "ClientDetectionRequest":
		request := rpc_request.ClientDetectionRequest{InternalRequest: rpc_request.NewInternalRequest()}
		if err := json.Unmarshal(message.GetBody().GetValue(), &request); err != nil {
			return nil, fmt.Errorf("%s: %w", kind, err)
		}
		return confirm(&rpc_response.ClientDetectionResponse{Response: confirmation(request.GetRequestId())}), nil
	case "ConnectResetRequest":
		return nil, errors.New("the server asks to reconnect")
	}
	return nil, nil // no other message concerns a subscription
}

// reportList reports a list unless a newer one was reported. A push may overtake the answer to the
// subscription.
func (s *subscription) reportList(list *service) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if list.LastRefTime < s.newest {
		return
	}
	s.newest = list.LastRefTime
	s.report(gather(list.Hosts.list))
}

// confirmation returns the head of a response that says success.
func confirmation(request string) *rpc_response.Response {
	return &rpc_response.Response{ResultCode: constant.RESPONSE_CODE_SUCCESS, Success: true, RequestId: request}
}

// confirm encodes a response.
func confirm(response rpc_response.IResponse) *wire.Payload {
	body, _ := json.Marshal(response) // cannot fail: it has texts and numbers only
	return payload(response.GetResponseType(), string(body), nil)
}
