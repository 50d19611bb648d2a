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
	"github.com/nacos-group/nacos-sdk-go/v2/model"
	"golang.org/x/sync/errgroup"

	"github.com/caddy-balance/caddy-balance/discovery"
)

// heartbeatPause is the SDK's. A server forgets a client that was silent for 20s.
const heartbeatPause = constant.KEEP_ALIVE_TIME * time.Second

// Run implements discovery.Source.
func (s *Source) Run(ctx context.Context, report discovery.Report) error {
	tasks, ending := errgroup.WithContext(ctx)
	c, err := s.connect(ending, rand.IntN(len(s.servers)))
	if err == nil {
		defer c.conn.Close()
		service := &service{report: report}
		tasks.Go(func() error { return c.listen(service) })
		tasks.Go(func() error { return s.subscribe(ending, c, service) })
		tasks.Go(func() error { return c.beat(ending) })
	}
	if failed := tasks.Wait(); err == nil {
		err = failed
	}
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// subscribe asks for the list, and for what comes after it on the stream.
func (s *Source) subscribe(ctx context.Context, c *connection, service *service) error {
	request := rpc_request.NewSubscribeServiceRequest(s.Namespace, s.Service, s.Group, strings.Join(s.Clusters, ","), true)
	list := &rpc_response.SubscribeServiceResponse{Response: new(rpc_response.Response)}
	err := c.call(ctx, request, list)
	for deadline := time.Now().Add(setupTime); unregistered(err) && time.Now().Before(deadline) && ctx.Err() == nil; {
		time.Sleep(setupPause)
		err = c.call(ctx, request, list)
	}
	if err != nil {
		return fmt.Errorf("service %q: %w", s.Service, err)
	}
	service.take(&list.ServiceInfo)
	return nil
}

// unregistered means that the server has not seen yet what opened the stream.
func unregistered(err error) bool {
	var refused *refusal
	return errors.As(err, &refused) && refused.code == constant.UN_REGISTER
}

// beat keeps the server from forgetting us, and finds out when a connection is dead but open.
func (c *connection) beat(ctx context.Context) error {
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

// listen takes what the server says by itself until the stream ends.
func (c *connection) listen(service *service) error {
	for {
		said, err := c.stream.Recv()
		if err != nil {
			return err
		}
		answer, err := service.hear(said)
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

// service is what Nacos said of the service.
type service struct {
	report discovery.Report

	mu     sync.Mutex
	newest uint64
}

// hear takes what the server said, and returns what it waits for.
func (s *service) hear(said *wire.Payload) (answer *wire.Payload, err error) {
	switch kind := said.GetMetadata().GetType(); kind {
	case constant.NOTIFY_SUBSCRIBE_REQUEST_NAME:
		push := rpc_request.NotifySubscriberRequest{NamingRequest: rpc_request.NewNamingRequest("", "", "")}
		if err := json.Unmarshal(said.GetBody().GetValue(), &push); err != nil {
			return nil, fmt.Errorf("%s: %w", kind, err)
		}
		s.take(&push.ServiceInfo)
		return confirm(&rpc_response.NotifySubscriberResponse{Response: confirmation(push.GetRequestId())}), nil
	case "ClientDetectionRequest":
		request := rpc_request.ClientDetectionRequest{InternalRequest: rpc_request.NewInternalRequest()}
		if err := json.Unmarshal(said.GetBody().GetValue(), &request); err != nil {
			return nil, fmt.Errorf("%s: %w", kind, err)
		}
		return confirm(&rpc_response.ClientDetectionResponse{Response: confirmation(request.GetRequestId())}), nil
	case "ConnectResetRequest":
		return nil, errors.New("the server asks to connect anew")
	}
	return nil, nil // nothing that concerns us
}

// take reports a list. The answer to the subscription and a push may overtake each other.
func (s *service) take(list *model.Service) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if list.LastRefTime < s.newest {
		return
	}
	s.newest = list.LastRefTime
	s.report(gather(list.Hosts))
}

func confirmation(request string) *rpc_response.Response {
	return &rpc_response.Response{ResultCode: constant.RESPONSE_CODE_SUCCESS, Success: true, RequestId: request}
}

func confirm(response rpc_response.IResponse) *wire.Payload {
	body, _ := json.Marshal(response) // texts and numbers only
	return payload(response.GetResponseType(), string(body), nil)
}
