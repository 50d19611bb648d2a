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
	"github.com/caddy-balance/caddy-balance/internal/format"
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// longestID is the maximum length of an ID in bytes. It has room for the names of a node and a
// service that are as long as DNS allows.
const longestID = 2 * 255

// listBuilder builds a list of endpoints from instances.
type listBuilder struct {
	discovery.AnswerBuilder
	seen map[string]bool // IDs that were added
}

// add adds an instance of a service. It leaves an unhealthy instance out, and drops one that has a
// mistake with the reason.
func (b *listBuilder) add(s *Source, service string, instance *api.ServiceEntry) {
	if instance == nil || instance.Node == nil || instance.Service == nil {
		b.Drop(service, errors.New("an instance lacks its node or its service"))
		return
	}
	status := status(instance)
	if status != api.HealthPassing && (status != api.HealthWarning || !s.PassWarning) {
		return
	}
	id := instance.Node.Node + "/" + instance.Service.ID // a service's ID is only unique at its node
	if len(id) > longestID {
		b.Drop(id[:longestID], fmt.Errorf("id: has %d bytes; expected %d at most", len(id), longestID))
		return
	}
	if b.seen[id] {
		b.Drop(id, errors.New("id: is given twice"))
		return
	}
	if b.seen == nil {
		b.seen = make(map[string]bool)
	}
	b.seen[id] = true
	info, err := s.endpoint(id, instance, status)
	if err != nil {
		b.Drop(id, err)
		return
	}
	b.Add(id, info)
}

// status returns the worst status of all checks. It skips null, on which Consul's own
// AggregatedStatus panics.
func status(instance *api.ServiceEntry) string {
	checks := make(api.HealthChecks, 0, len(instance.Checks))
	for _, check := range instance.Checks {
		if check != nil {
			checks = append(checks, check)
		}
	}
	return checks.AggregatedStatus()
}

// endpoint makes an endpoint of an instance, as the doc comment of Source describes.
func (s *Source) endpoint(id string, instance *api.ServiceEntry, status string) (info listing.Info, err error) {
	service, node := instance.Service, instance.Node
	info = listing.Info{ID: id, Weight: weight(service.Weights, status), Metadata: service.Meta}
	urls := s.kratosURLs(service, node)
	if len(urls) == 0 {
		if info.Address, err = address(service, node); err != nil {
			return info, err
		}
	}
	info.Zone = cmp.Or(service.Meta["zone"], zone(service.Locality), node.Meta[s.ZoneMeta], zone(node.Locality))
	if err := checkSize(&info); err != nil {
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
	switch {
	case len(urls) > 0:
		err = s.readKratos(&info, service, urls)
	case s.Format == format.Kitex:
		format.SetKitexTags(&info, service.Tags)
	}
	return info, err
}

// checkSize refuses an endpoint that is larger than any source may report. Consul's own limits are
// lower, but other servers may answer in its place.
func checkSize(info *listing.Info) error {
	size := len(info.Zone)
	for key, value := range info.Metadata {
		size += len(key) + len(value)
	}
	if size > listing.MaxEntrySize {
		return fmt.Errorf("zone and meta: have %d bytes; an endpoint may have %d", size, listing.MaxEntrySize)
	}
	return nil
}

// address returns the host and port of an instance.
func address(service *api.AgentService, node *api.Node) (string, error) {
	host, port := cmp.Or(service.Address, node.Address), service.DefaultPort()
	if strings.Contains(host, "/") { // it would name a network, such as a unix socket
		return "", fmt.Errorf("address: %.100q is not a host", host)
	}
	if port < 1 || port > 65535 {
		return "", fmt.Errorf("port: %d is not between 1 and 65535", port)
	}
	return net.JoinHostPort(host, strconv.Itoa(port)), nil
}

// weight returns the weight for a status. It is 1 if an instance has no weights, as in Consul
// before 1.2.3 and in servers that imitate it, because 0 would drain all instances.
func weight(weights api.AgentWeights, status string) int {
	switch {
	case weights == api.AgentWeights{}:
		return 1
	case status == api.HealthWarning:
		return weights.Warning
	}
	return weights.Passing
}

// zone returns the zone of a locality, or "" if there is none.
func zone(locality *api.Locality) string {
	if locality == nil {
		return ""
	}
	return locality.Zone
}
