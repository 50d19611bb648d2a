package consul

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/hashicorp/consul/api"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// longestID is twice what DNS lets a node and a service be called.
const longestID = 2 * 255

// gathering is a list of endpoints made of instances.
type gathering struct {
	discovery.AnswerBuilder
	seen map[string]bool // by ID
}

// add takes an instance unless it is unhealthy or something is wrong with it.
func (g *gathering) add(s *Source, service string, instance *api.ServiceEntry) {
	if instance == nil || instance.Node == nil || instance.Service == nil {
		g.Drop(service, errors.New("an instance lacks its node or its service"))
		return
	}
	status := status(instance)
	if status != api.HealthPassing && (status != api.HealthWarning || !s.PassWarning) {
		return
	}
	id := instance.Node.Node + "/" + instance.Service.ID // a service's ID is only unique at its node
	if len(id) > longestID {
		g.Drop(id[:longestID], fmt.Errorf("id: has %d bytes; expected %d at most", len(id), longestID))
		return
	}
	if g.seen[id] {
		g.Drop(id, errors.New("id: is given twice"))
		return
	}
	if g.seen == nil {
		g.seen = make(map[string]bool)
	}
	g.seen[id] = true
	info, err := s.endpoint(id, instance, status)
	if err != nil {
		g.Drop(id, err)
		return
	}
	g.Add(id, info)
}

// status is the worst of all checks. Consul's AggregatedStatus trusts that there is none that is null.
func status(instance *api.ServiceEntry) string {
	checks := make(api.HealthChecks, 0, len(instance.Checks))
	for _, check := range instance.Checks {
		if check != nil {
			checks = append(checks, check)
		}
	}
	return checks.AggregatedStatus()
}

func (s *Source) endpoint(id string, instance *api.ServiceEntry, status string) (info listing.Info, err error) {
	service, node := instance.Service, instance.Node
	info = listing.Info{ID: id, Weight: weight(service.Weights, status), Metadata: service.Meta}
	if info.Address, err = address(service, node); err != nil {
		return info, err
	}
	info.Zone = cmp.Or(service.Meta["zone"], zone(service.Locality), node.Meta[s.ZoneMeta], zone(node.Locality))
	if err := bounded(&info); err != nil {
		return info, err
	}
	for key, field := range map[string]*int{"priority": &info.Priority, "max_requests": &info.MaxRequests} {
		if text, ok := service.Meta[key]; ok {
			if *field, err = strconv.Atoi(text); err != nil {
				return info, fmt.Errorf("meta %s: %.100q is not a whole number", key, text)
			}
		}
	}
	if text, ok := service.Meta["draining"]; ok {
		if info.Draining, err = strconv.ParseBool(text); err != nil {
			return info, fmt.Errorf("meta draining: %.100q is not true or false", text)
		}
	}
	return info, nil
}

// bounded holds an endpoint to what one may have anywhere. Consul's own limits are less than that.
func bounded(info *listing.Info) error {
	size := len(info.Zone)
	for key, value := range info.Metadata {
		size += len(key) + len(value)
	}
	if size > listing.MaxEntrySize {
		return fmt.Errorf("zone and meta: have %d bytes; an endpoint may have %d", size, listing.MaxEntrySize)
	}
	return nil
}

func address(service *api.AgentService, node *api.Node) (string, error) {
	host, port := cmp.Or(service.Address, node.Address), service.DefaultPort()
	if strings.Contains(host, "/") { // it would become a network, or a unix socket here
		return "", fmt.Errorf("address: %.100q is not a host", host)
	}
	if port < 1 || port > 65535 {
		return "", fmt.Errorf("port: %d is not between 1 and 65535", port)
	}
	return net.JoinHostPort(host, strconv.Itoa(port)), nil
}

// weight is 1 if there are no weights, as in Consul before 1.2.3 and in what imitates it: draining all would be worse.
func weight(weights api.AgentWeights, status string) int {
	switch {
	case weights == api.AgentWeights{}:
		return 1
	case status == api.HealthWarning:
		return weights.Warning
	}
	return weights.Passing
}

func zone(locality *api.Locality) string {
	if locality == nil {
		return ""
	}
	return locality.Zone
}
