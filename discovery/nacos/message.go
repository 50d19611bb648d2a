package nacos

import (
	"github.com/nacos-group/nacos-sdk-go/v2/common/remote/rpc/rpc_request"
	"github.com/nacos-group/nacos-sdk-go/v2/common/remote/rpc/rpc_response"
	"github.com/nacos-group/nacos-sdk-go/v2/model"

	"github.com/caddy-balance/caddy-balance/internal/jsonlist"
)

// maxInstance is the maximum size of one instance in bytes. Metadata may have a quarter of it.
const maxInstance = 256 << 10

// service is a list as Nacos sends it. Unlike the SDK's type it is limited.
type service struct {
	Hosts       instances `json:"hosts"`
	LastRefTime uint64    `json:"lastRefTime"`
}

// instances are decoded one after the other and up to a limit.
type instances struct {
	limit int
	list  []model.Instance
}

// UnmarshalJSON implements json.Unmarshaler.
func (i *instances) UnmarshalJSON(data []byte) (err error) {
	i.list, err = jsonlist.Decode[model.Instance](data, i.limit, maxInstance)
	return err
}

// subscribed is the answer to a subscription.
type subscribed struct {
	*rpc_response.Response
	ServiceInfo service `json:"serviceInfo"`
}

func newSubscribed(limit int) *subscribed {
	return &subscribed{Response: new(rpc_response.Response), ServiceInfo: service{Hosts: instances{limit: limit}}}
}

// GetResponseType implements rpc_response.IResponse.
func (*subscribed) GetResponseType() string {
	return (&rpc_response.SubscribeServiceResponse{}).GetResponseType()
}

// pushed is a list that the server sends by itself.
type pushed struct {
	*rpc_request.Request
	ServiceInfo service `json:"serviceInfo"`
}

func newPushed(limit int) *pushed {
	return &pushed{Request: new(rpc_request.Request), ServiceInfo: service{Hosts: instances{limit: limit}}}
}
