package consul

import (
	"encoding/json"
	"strings"

	"github.com/hashicorp/consul/api"

	"github.com/caddy-balance/caddy-balance/internal/jsonlist"
)

// maxInstance is the maximum size of one instance in bytes. It has room for 60 checks, whose output
// Consul limits to 4 KiB.
const maxInstance = 256 << 10

// instanceList is an answer to a query. It decodes only what the source reads: Consul's own type
// takes half a kilobyte for a check that is two bytes of text, and panics on a check without a
// definition.
type instanceList struct {
	limit   int                 // the maximum number of instances
	entries []*api.ServiceEntry // nil if the answer is null
}

// UnmarshalJSON implements json.Unmarshaler.
func (l *instanceList) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		return nil
	}
	read, err := jsonlist.Decode[*entry](data, l.limit, maxInstance)
	l.entries = make([]*api.ServiceEntry, len(read))
	for i, e := range read {
		l.entries[i] = e.reduced()
	}
	return err
}

// entry is an instance as Consul sends it.
type entry struct {
	Node *struct {
		Node, Address string
		Meta          map[string]string
		Locality      *api.Locality
	}
	Service *struct {
		ID, Address string
		Port        int
		Ports       []servicePort
		Meta        map[string]string
		Weights     api.AgentWeights
		Locality    *api.Locality

		// What frameworks register.
		Tags            []string
		TaggedAddresses map[string]api.ServiceAddress
	}
	Checks statuses
}

// servicePort is one of several ports of an instance.
type servicePort struct {
	Port    int
	Default bool
}

// reduced returns the fields that the source reads in Consul's type. It is nil for null.
func (e *entry) reduced() *api.ServiceEntry {
	if e == nil {
		return nil
	}
	instance := &api.ServiceEntry{Checks: e.Checks.distinct}
	if n := e.Node; n != nil {
		instance.Node = &api.Node{Node: n.Node, Address: n.Address, Meta: n.Meta, Locality: n.Locality}
	}
	if s := e.Service; s != nil {
		instance.Service = &api.AgentService{
			ID: s.ID, Address: s.Address, Port: s.Port, Meta: s.Meta, Weights: s.Weights, Locality: s.Locality,
			Tags: s.Tags, TaggedAddresses: s.TaggedAddresses,
		}
		for _, p := range s.Ports {
			if p.Default {
				instance.Service.Port = p.Port
				break
			}
		}
	}
	return instance
}

// statuses are the checks of an instance, one for each status that any of them has.
type statuses struct{ distinct api.HealthChecks }

// UnmarshalJSON implements json.Unmarshaler.
func (s *statuses) UnmarshalJSON(data []byte) error {
	var checks []*struct{ CheckID, Status string }
	if err := json.Unmarshal(data, &checks); err != nil {
		return err
	}
	for _, c := range checks {
		if c != nil {
			s.add(c.CheckID, c.Status)
		}
	}
	return nil
}

// add adds a check unless there is one like it.
func (s *statuses) add(id, status string) {
	maintained := id == api.NodeMaint || strings.HasPrefix(id, api.ServiceMaintPrefix)
	if maintained {
		id, status = api.NodeMaint, api.HealthCritical
	} else {
		id = ""
	}
	for _, known := range s.distinct {
		if known.CheckID == id && known.Status == status {
			return
		}
	}
	const enough = 8 // more than there are statuses; one that is not known decides alone
	if len(s.distinct) < enough {
		s.distinct = append(s.distinct, &api.HealthCheck{CheckID: id, Status: status})
	}
}
