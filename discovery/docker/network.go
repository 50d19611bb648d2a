package docker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
)

// maxOwners is the maximum number of containers that use each other's networks in a row. In
// practice there is one, such as a VPN client.
const maxOwners = 4

// networkMode returns the network mode of a container.
func networkMode(c *container.InspectResponse) container.NetworkMode {
	if c.HostConfig == nil {
		return ""
	}
	return c.HostConfig.NetworkMode
}

// networkOwner returns the container in whose network a container runs. That is another one with
// the network mode container:..., which Compose writes as service:.... It returns nil if that one
// does not run.
func (f *follower) networkOwner(
	ctx context.Context, c *container.InspectResponse,
) (*container.InspectResponse, error) {
	for range maxOwners {
		mode := networkMode(c)
		if !mode.IsContainer() {
			return c, nil
		}
		owner, err := f.inspect(ctx, mode.ConnectedContainer())
		if err != nil {
			return nil, fmt.Errorf("listing containers: %w", err)
		}
		if owner == nil || owner.NetworkSettings == nil || owner.State == nil ||
			owner.State.Status != container.StateRunning {
			return nil, nil
		}
		c = owner
	}
	return nil, nil
}

// address returns the address of a container. owner is the container in whose network it runs, and
// host is what a label sets instead of the host.
func (s *Source) address(owner *container.InspectResponse, host string, port int) (string, error) {
	switch {
	case host != "" && !s.Published:
		return net.JoinHostPort(host, strconv.Itoa(port)), nil
	case owner == nil:
		return "", errors.New("network: is that of another container, which does not run")
	case s.Published:
		return s.published(owner, host, port)
	case networkMode(owner).IsHost():
		return "", errors.New("network: is that of the engine's machine; " +
			"expected its address in the label balance.address, or the option published")
	}
	return s.inside(owner, port)
}

// inside returns the container's own address in a network.
func (s *Source) inside(c *container.InspectResponse, port int) (string, error) {
	ips := make(map[string]string)
	for name, settings := range c.NetworkSettings.Networks {
		if settings == nil {
			continue
		}
		if ip := settings.IPAddress; ip.IsValid() {
			ips[name] = ip.String()
		} else if ip := settings.GlobalIPv6Address; ip.IsValid() {
			ips[name] = ip.String()
		}
	}
	names := slices.Sorted(maps.Keys(ips))
	chosen := s.Network
	if chosen == "" && len(names) == 1 {
		chosen = names[0]
	}
	if ips[chosen] == "" {
		return "", fmt.Errorf("network: the container has addresses in the networks %q; "+
			"expected one, or the one that the source names", names)
	}
	return net.JoinHostPort(ips[chosen], strconv.Itoa(port)), nil
}

// published returns the address of the engine's machine on which the port is published. In the
// network of that machine every port is. host replaces the machine's if it is not empty.
func (s *Source) published(c *container.InspectResponse, host string, port int) (string, error) {
	if host == "" {
		host = s.machine
	}
	if networkMode(c).IsHost() {
		return net.JoinHostPort(host, strconv.Itoa(port)), nil
	}
	inner, _ := network.PortFrom(uint16(port), network.TCP)
	bindings := c.NetworkSettings.Ports[inner]
	if len(bindings) == 0 {
		return "", fmt.Errorf("port: %d is not published", port)
	}
	outer, ip := bindings[0].HostPort, bindings[0].HostIP
	if host != s.machine || !ip.IsValid() || ip.IsUnspecified() {
		return net.JoinHostPort(host, outer), nil
	}
	return net.JoinHostPort(ip.String(), outer), nil
}
