package kubernetes

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// builder makes the list of one Service from its slices. It is used once.
type builder struct {
	service    *corev1.Service
	port       port
	family     discoveryv1.AddressType
	annotation string // the annotation with the weight

	discovery.AnswerBuilder
	found map[string]candidate // by address
	order []string             // the addresses as they were found
}

// candidate is an endpoint that another slice may replace.
type candidate struct {
	key   string
	info  listing.Info
	ready bool
}

// answer makes the list. It reads the slices in the order of their names, because the same slices
// must make the same list.
func (b *builder) answer(from map[string]*discoveryv1.EndpointSlice) discovery.Answer {
	b.found = make(map[string]candidate)
	if b.family == "" {
		b.family = firstFamily(b.service)
	}
	weight := b.weight("service "+b.service.Name, b.service.Annotations, 1)
	others := 0
	for _, name := range slices.Sorted(maps.Keys(from)) {
		if slice := from[name]; slice.AddressType == b.family {
			b.readSlice(slice, weight)
		} else {
			others++
		}
	}
	b.addCandidates()
	answer := b.Answer()
	if others > 0 && others == len(from) {
		answer.Err = fmt.Errorf("service %s/%s: has no endpoints of family %s, only of others",
			b.service.Namespace, b.service.Name, b.family)
	}
	return answer
}

// firstFamily returns the family that the cluster prefers for the Service.
func firstFamily(service *corev1.Service) discoveryv1.AddressType {
	if len(service.Spec.IPFamilies) > 0 {
		return discoveryv1.AddressType(service.Spec.IPFamilies[0])
	}
	return discoveryv1.AddressTypeIPv4
}

// readSlice reads the endpoints of one slice. weight is the Service's.
func (b *builder) readSlice(slice *discoveryv1.EndpointSlice, weight int) {
	if len(slice.Endpoints) == 0 {
		return // a slice without endpoints has no ports either
	}
	number, err := b.port.numberIn(slice)
	if err != nil {
		b.Drop("endpointslice "+slice.Name, err)
		return
	}
	weight = b.weight("endpointslice "+slice.Name, slice.Annotations, weight)
	for i := range slice.Endpoints {
		b.readEndpoint(slice.Name, &slice.Endpoints[i], number, weight)
	}
}

// readEndpoint keeps an endpoint that serves as a candidate. An address is in two slices for a
// moment when the cluster moves it, and twice in one when a pod gets the address of another that
// has not quite gone. The endpoint that is ready then wins, whatever their order and spelling.
func (b *builder) readEndpoint(slice string, e *discoveryv1.Endpoint, port string, weight int) {
	ready, serving := readiness(e.Conditions)
	if !serving {
		return
	}
	if len(e.Addresses) == 0 {
		b.Drop("endpointslice "+slice, errors.New("addresses: are missing; expected one"))
		return
	}
	address := net.JoinHostPort(shortest(e.Addresses[0]), port)
	earlier, twice := b.found[address]
	if !twice {
		b.order = append(b.order, address)
	}
	if !twice || ready && !earlier.ready {
		b.found[address] = candidate{slice + " " + e.Addresses[0], info(e, address, weight), ready}
	}
}

// shortest returns the shortest spelling of an IP address, and anything else as it is.
func shortest(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	return ip.Unmap().String()
}

// readiness reads the conditions as kube-proxy does. ready reports whether to send requests. It is
// also true of a terminating pod whose Service has publishNotReadyAddresses. serving is also true
// of a pod that terminates and still answers.
func readiness(c discoveryv1.EndpointConditions) (ready, serving bool) {
	ready = valueOr(c.Ready, true)
	return ready, ready || valueOr(c.Serving, true) && valueOr(c.Terminating, false)
}

// info makes the pool's entry for an endpoint.
func info(e *discoveryv1.Endpoint, address string, weight int) listing.Info {
	i := listing.Info{Address: address, Weight: weight, Zone: valueOr(e.Zone, ""), Metadata: metadata(e)}
	if e.TargetRef != nil {
		i.ID = e.TargetRef.Name
	}
	return i
}

// metadata returns the pod, the node and the hints of an endpoint, without those that are empty.
func metadata(e *discoveryv1.Endpoint) map[string]string {
	m := make(map[string]string)
	if e.TargetRef != nil && e.TargetRef.Kind == "Pod" {
		m["pod"] = e.TargetRef.Name
	}
	if e.NodeName != nil {
		m["node"] = *e.NodeName
	}
	if e.Hints != nil {
		var zones, nodes []string
		for _, z := range e.Hints.ForZones {
			zones = append(zones, z.Name)
		}
		for _, n := range e.Hints.ForNodes {
			nodes = append(nodes, n.Name)
		}
		m["for_zones"], m["for_nodes"] = strings.Join(zones, ","), strings.Join(nodes, ",")
	}
	maps.DeleteFunc(m, func(_, value string) bool { return value == "" })
	return m
}

// weight reads the annotation. A value that is not a weight is reported and replaced by the
// fallback, because a typing mistake must not remove all endpoints of a Service.
func (b *builder) weight(key string, annotations map[string]string, fallback int) int {
	text, ok := annotations[b.annotation]
	if !ok {
		return fallback
	}
	weight, err := strconv.Atoi(text)
	if err != nil || weight < 0 || weight > listing.MaxWeight {
		b.Drop(key, fmt.Errorf("annotation %s: %q is not a whole number from 0 to %d",
			b.annotation, text, listing.MaxWeight))
		return fallback
	}
	return weight
}

// addCandidates adds the candidates to the answer. Terminating ones drain, unless no endpoint is
// ready: then they go on serving until they stop.
func (b *builder) addCandidates() {
	anyReady := false
	for _, c := range b.found {
		anyReady = anyReady || c.ready
	}
	for _, address := range b.order {
		c := b.found[address]
		c.info.Draining = !c.ready && anyReady
		b.Add(c.key, c.info)
	}
}
