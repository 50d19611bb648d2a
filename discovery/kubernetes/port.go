package kubernetes

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// port describes how to find the port of an endpoint: by name, or by number if that is not 0.
type port struct {
	name   string // the Service's port, whose name its slices repeat; a Service's only port may lack one
	number int32  // the pods' own port, for a Service without ports
	target int32  // the pods' own port, if the Service says its number; else 0
}

// portOf describes a port of a Service.
func portOf(p *corev1.ServicePort) port {
	if p.TargetPort.Type == intstr.Int {
		return port{name: p.Name, target: p.TargetPort.IntVal}
	}
	return port{name: p.Name}
}

// choosePort returns the port of a Service that the setting names. An empty text stands for the
// only port.
func choosePort(service *corev1.Service, text string) (port, error) {
	if service.Spec.Type == corev1.ServiceTypeExternalName {
		return port{}, errors.New("is of type ExternalName, which has no endpoints; expected a source of kind dns")
	}
	ports := tcpPorts(service)
	switch {
	case len(ports) == 0:
		return barePort(text)
	case text == "" && len(ports) == 1:
		return portOf(&ports[0]), nil
	case text == "":
		return port{}, fmt.Errorf("has several ports; expected one of %s", describe(ports))
	}
	for i := range ports {
		if p := &ports[i]; p.Name == text || strconv.Itoa(int(p.Port)) == text {
			return portOf(p), nil
		}
	}
	return port{}, fmt.Errorf("has no TCP port %s; expected %s", text, describe(ports))
}

// barePort returns the port for a headless Service without ports, whose pods are reached at any.
func barePort(text string) (port, error) {
	number, err := strconv.ParseUint(text, 10, 16)
	if err != nil || number == 0 {
		return port{}, fmt.Errorf(
			"has no ports; expected the number of a port of its pods, from 1 to %d", math.MaxUint16)
	}
	return port{number: int32(number)}, nil
}

// tcpPorts returns the TCP ports. It leaves out the UDP port that HTTP/3 has under the same number.
func tcpPorts(service *corev1.Service) []corev1.ServicePort {
	var ports []corev1.ServicePort
	for _, p := range service.Spec.Ports {
		if p.Protocol == "" || p.Protocol == corev1.ProtocolTCP {
			ports = append(ports, p)
		}
	}
	return ports
}

// describe lists ports for an error, each as its name and number.
func describe(ports []corev1.ServicePort) string {
	texts := make([]string, len(ports))
	for i, p := range ports {
		texts[i] = strings.TrimSpace(p.Name + " " + strconv.Itoa(int(p.Port)))
	}
	return strings.Join(texts, ", ")
}

// numberIn returns the number in one slice. Slices of one Service differ in it if the pods have
// different ports under that name. For a slice without ports, or whose port has no number, it is
// the one that the Service says.
func (p port) numberIn(slice *discoveryv1.EndpointSlice) (string, error) {
	if p.number != 0 {
		return strconv.Itoa(int(p.number)), nil
	}
	problem := fmt.Errorf("has no port %q", p.name)
	for _, other := range slice.Ports {
		if other.Protocol != nil && *other.Protocol != corev1.ProtocolTCP || valueOr(other.Name, "") != p.name {
			continue
		}
		if other.Port != nil {
			return strconv.Itoa(int(*other.Port)), nil
		}
		problem = fmt.Errorf("port %q: has no number", p.name)
		if p.target != 0 {
			return strconv.Itoa(int(p.target)), nil
		}
	}
	if len(slice.Ports) == 0 && p.target != 0 {
		return strconv.Itoa(int(p.target)), nil
	}
	return "", problem
}

// valueOr returns the value behind a pointer, or the fallback if the pointer is nil.
func valueOr[T any](pointer *T, fallback T) T {
	if pointer == nil {
		return fallback
	}
	return *pointer
}
