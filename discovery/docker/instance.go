package docker

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"

	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// The conditions of a container, as far as a pool is concerned. Only an unhealthy one may come back
// at its address, which is why its loss is not authoritative.
const (
	absent = iota
	unhealthy
	serving
)

// condition returns the condition of a container. Without a HEALTHCHECK every running one serves.
func condition(c *container.InspectResponse) int {
	switch {
	case c.Config == nil || c.NetworkSettings == nil || c.State == nil || c.State.Status != container.StateRunning:
		return absent
	case c.State.Health == nil:
		return serving
	}
	switch c.State.Health.Status {
	case "", container.NoHealthcheck, container.Healthy:
		return serving
	case container.Unhealthy:
		return unhealthy
	}
	return absent // its health check has not passed yet
}

// name returns the name of a container. Engines put a slash before it.
func name(c *container.InspectResponse) string { return strings.TrimPrefix(c.Name, "/") }

// endpoint makes an endpoint of a container that serves. owner is the container in whose network it
// runs, nil if that one does not run.
func (s *Source) endpoint(c, owner *container.InspectResponse) (listing.Info, error) {
	info := listing.Info{Weight: 1, ID: name(c)}
	port := s.Port
	if err := s.readLabels(c.Config.Labels, &info, &port); err != nil {
		return info, err
	}
	var err error
	if port == 0 {
		if port, err = exposed(c); err != nil {
			return info, err
		}
	}
	if info.Address, err = s.address(owner, info.Address, port); err != nil {
		return info, err
	}
	return info, info.Normalize()
}

// exposed returns the only TCP port that the container exposes.
func exposed(c *container.InspectResponse) (int, error) {
	ports := make(map[int]bool)
	for port := range c.Config.ExposedPorts {
		if port.Proto() == network.TCP {
			ports[int(port.Num())] = true
		}
	}
	for port := range c.NetworkSettings.Ports {
		if port.Proto() == network.TCP {
			ports[int(port.Num())] = true
		}
	}
	all := slices.Sorted(maps.Keys(ports))
	if len(all) != 1 {
		return 0, fmt.Errorf(
			"port: the container exposes the TCP ports %v; expected one, or the label balance.port", all)
	}
	return all[0], nil
}

// readLabels reads the labels that begin with balance. The address is that of a host, without a
// port. An unknown name is an error, because it is
// most likely misspelt, unless the source filters by that label.
func (s *Source) readLabels(labels map[string]string, info *listing.Info, port *int) error {
	for _, label := range slices.Sorted(maps.Keys(labels)) {
		name, ours := strings.CutPrefix(label, "balance.")
		if !ours || s.filtersBy(label) {
			continue
		}
		if err := readLabel(name, labels[label], info, port); err != nil {
			return fmt.Errorf("label %s: %w", label, err)
		}
	}
	return nil
}

// filtersBy reports whether the source filters by a label, with or without a value.
func (s *Source) filtersBy(label string) bool {
	return slices.ContainsFunc(s.Labels, func(filter string) bool {
		name, _, _ := strings.Cut(filter, "=")
		return name == label
	})
}

// readLabel reads one label. name is without the prefix.
func readLabel(name, text string, info *listing.Info, port *int) (err error) {
	switch name {
	case "port":
		if *port, err = strconv.Atoi(text); err == nil && (*port < 1 || *port > maxPort) {
			return fmt.Errorf("%d is not between 1 and %d", *port, maxPort)
		}
	case "weight":
		info.Weight, err = strconv.Atoi(text)
	case "priority":
		info.Priority, err = strconv.Atoi(text)
	case "max_requests":
		info.MaxRequests, err = strconv.Atoi(text)
	case "address":
		if strings.ContainsAny(text, "/ ") || strings.Contains(text, ":") && !isIP(text) {
			return fmt.Errorf("%.100q is not an IP address or a host name", text)
		}
		info.Address = text
	case "zone":
		info.Zone = text
	case "id":
		info.ID = text
	default:
		return errors.New("is not known; expected port, address, weight, priority, zone, max_requests or id")
	}
	if err != nil {
		return fmt.Errorf("%.20q is not a whole number", text)
	}
	return nil
}

func isIP(text string) bool {
	_, err := netip.ParseAddr(text)
	return err == nil
}
