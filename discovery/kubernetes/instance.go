package kubernetes

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// gathering makes the list of a Service from its slices.
type gathering struct {
	service    *corev1.Service
	port       port
	family     discoveryv1.AddressType
	annotation string // that holds the weight

	discovery.AnswerBuilder
	found map[string]candidate // by address
	order []string             // of the addresses
}

// candidate is an endpoint of which another slice may say more.
type candidate struct {
	key   string
	info  listing.Info
	ready bool
}

func (g *gathering) answer(from map[string]*discoveryv1.EndpointSlice) discovery.Answer {
	g.found = make(map[string]candidate)
	if g.family == "" {
		g.family = firstFamily(g.service)
	}
	weight := g.weight("service "+g.service.Name, g.service.Annotations, 1)
	others := 0
	for _, name := range slices.Sorted(maps.Keys(from)) {
		if slice := from[name]; slice.AddressType == g.family {
			g.slice(slice, weight)
		} else {
			others++
		}
	}
	g.add()
	answer := g.Answer()
	if others > 0 && others == len(from) {
		answer.Err = fmt.Errorf("service %s/%s: has no endpoints of family %s, only of others", g.service.Namespace, g.service.Name, g.family)
	}
	return answer
}

// firstFamily is what the cluster itself prefers for the Service.
func firstFamily(service *corev1.Service) discoveryv1.AddressType {
	if len(service.Spec.IPFamilies) > 0 {
		return discoveryv1.AddressType(service.Spec.IPFamilies[0])
	}
	return discoveryv1.AddressTypeIPv4
}

func (g *gathering) slice(slice *discoveryv1.EndpointSlice, weight int) {
	if len(slice.Endpoints) == 0 {
		return // one without endpoints has no ports either
	}
	number, err := g.port.of(slice)
	if err != nil {
		g.Drop("endpointslice "+slice.Name, err)
		return
	}
	weight = g.weight("endpointslice "+slice.Name, slice.Annotations, weight)
	for i := range slice.Endpoints {
		g.endpoint(slice.Name, &slice.Endpoints[i], number, weight)
	}
}

// endpoint takes one unless it serves nobody. For a while an address may be in two slices, when the
// cluster moves it from one to the other: the one that serves more wins.
func (g *gathering) endpoint(slice string, e *discoveryv1.Endpoint, port string, weight int) {
	ready, serving := readiness(e.Conditions)
	if !serving {
		return
	}
	if len(e.Addresses) == 0 {
		g.Drop("endpointslice "+slice, errors.New("addresses: are missing; expected one"))
		return
	}
	// Further addresses have no meaning (see the API's documentation).
	address := net.JoinHostPort(e.Addresses[0], port)
	before, twice := g.found[address]
	if !twice {
		g.order = append(g.order, address)
	}
	if !twice || ready && !before.ready {
		g.found[address] = candidate{slice + " " + e.Addresses[0], info(e, address, weight), ready}
	}
}

// readiness reads the conditions as kube-proxy does: ready says whether to send requests, which includes a terminating
// pod of a Service that publishes addresses that are not ready; and whoever terminates may still be serving.
func readiness(c discoveryv1.EndpointConditions) (ready, serving bool) {
	ready = valueOr(c.Ready, true)
	return ready, ready || valueOr(c.Serving, true) && valueOr(c.Terminating, false)
}

func info(e *discoveryv1.Endpoint, address string, weight int) listing.Info {
	i := listing.Info{Address: address, Weight: weight, Zone: valueOr(e.Zone, ""), Metadata: metadata(e)}
	if e.TargetRef != nil {
		i.ID = e.TargetRef.Name
	}
	return i
}

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

// weight reads an annotation. One that is no weight must not cost an endpoint, or everybody in the Service.
func (g *gathering) weight(key string, annotations map[string]string, otherwise int) int {
	text, ok := annotations[g.annotation]
	if !ok {
		return otherwise
	}
	weight, err := strconv.Atoi(text)
	if err != nil || weight < 0 || weight > listing.MaxWeight {
		g.Drop(key, fmt.Errorf("annotation %s: %q is not a whole number from 0 to %d", g.annotation, text, listing.MaxWeight))
		return otherwise
	}
	return weight
}

// add takes what was found. Whoever terminates finishes what it has, unless nobody is ready: then it is
// better than nobody, until it stops serving.
func (g *gathering) add() {
	nobody := true
	for _, c := range g.found {
		nobody = nobody && !c.ready
	}
	for _, address := range g.order {
		c := g.found[address]
		c.info.Draining = !c.ready && !nobody
		g.Add(c.key, c.info)
	}
}
