package kubernetes

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
)

// port says how the port of an endpoint is found.
type port struct {
	name   string // of the Service's port, which its slices repeat; a Service's only port may have none
	number int32  // of the endpoints themselves, for a Service without ports; else 0
}

// choosePort finds what the config means among the ports of a Service.
func choosePort(service *corev1.Service, text string) (port, error) {
	if service.Spec.Type == corev1.ServiceTypeExternalName {
		return port{}, errors.New("is of type ExternalName, which has no endpoints; expected a source of kind dns")
	}
	ports := tcpPorts(service)
	switch {
	case len(ports) == 0:
		return barePort(text)
	case text == "" && len(ports) == 1:
		return port{name: ports[0].Name}, nil
	case text == "":
		return port{}, fmt.Errorf("has several ports; expected one of %s", listed(ports))
	}
	for _, p := range ports {
		if p.Name == text || strconv.Itoa(int(p.Port)) == text {
			return port{name: p.Name}, nil
		}
	}
	return port{}, fmt.Errorf("has no TCP port %s; expected %s", text, listed(ports))
}

// barePort is for a headless Service that names no ports: its endpoints may be reached at any.
func barePort(text string) (port, error) {
	number, err := strconv.ParseUint(text, 10, 16)
	if err != nil || number == 0 {
		return port{}, fmt.Errorf("has no ports; expected the number of a port of its pods, from 1 to %d", math.MaxUint16)
	}
	return port{number: int32(number)}, nil
}

// tcpPorts leaves out the port that HTTP/3 has under the same number.
func tcpPorts(service *corev1.Service) []corev1.ServicePort {
	var ports []corev1.ServicePort
	for _, p := range service.Spec.Ports {
		if p.Protocol == "" || p.Protocol == corev1.ProtocolTCP {
			ports = append(ports, p)
		}
	}
	return ports
}

func listed(ports []corev1.ServicePort) string {
	texts := make([]string, len(ports))
	for i, p := range ports {
		texts[i] = strings.TrimSpace(p.Name + " " + strconv.Itoa(int(p.Port)))
	}
	return strings.Join(texts, ", ")
}

// of is the number in one slice. Slices of one Service may differ in it, if the pods differ in what
// they call by that name.
func (p port) of(slice *discoveryv1.EndpointSlice) (string, error) {
	if p.number != 0 {
		return strconv.Itoa(int(p.number)), nil
	}
	for _, has := range slice.Ports {
		if has.Protocol != nil && *has.Protocol != corev1.ProtocolTCP || valueOr(has.Name, "") != p.name {
			continue
		}
		if has.Port == nil {
			return "", fmt.Errorf("port %q: has no number", p.name)
		}
		return strconv.Itoa(int(*has.Port)), nil
	}
	return "", fmt.Errorf("has no port %q", p.name)
}

func valueOr[T any](pointer *T, otherwise T) T {
	if pointer == nil {
		return otherwise
	}
	return *pointer
}
