package dns

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/miekg/dns"

	"github.com/caddy-balance/caddy-balance/discovery"
)

// families are the types to query for each value of the option ip.
var families = map[string][]uint16{
	"ipv4": {dns.TypeA},
	"ipv6": {dns.TypeAAAA},
	"both": {dns.TypeA, dns.TypeAAAA},
	"auto": {dns.TypeA, dns.TypeAAAA},
}

// rotationModes are the values of the option rotating.
var rotationModes = []string{"auto", "on", "off"}

// Provision implements caddy.Provisioner. It sends no query.
func (s *Source) Provision(caddy.Context) error {
	s.resolvers = append([]string(nil), s.Resolvers...)
	for i := range s.resolvers {
		if err := discovery.Resolve("resolvers", &s.resolvers[i]); err != nil {
			return err
		}
	}
	if err := discovery.Resolve("name", &s.Name); err != nil {
		return err
	}
	return s.check()
}

// check sets the defaults and returns an error for a setting that makes no sense.
func (s *Source) check() error {
	s.IP = cmp.Or(s.IP, "auto")
	if s.hasRoute == nil {
		s.hasRoute = hasRoute
	}
	return cmp.Or(
		s.checkFamily(), s.checkDurations(), s.checkRotation(),
		s.checkName(), s.checkPort(), s.checkResolvers(),
	)
}

func (s *Source) checkFamily() error {
	if families[s.IP] == nil {
		return fmt.Errorf("ip: %q is not auto, ipv4, ipv6 or both", s.IP)
	}
	return nil
}

func (s *Source) checkDurations() error {
	if err := cmp.Or(
		discovery.DefaultInterval("min_refresh", &s.MinRefresh, defaultMinRefresh),
		discovery.DefaultInterval("max_refresh", &s.MaxRefresh, defaultMaxRefresh),
		discovery.DefaultDuration("timeout", &s.Timeout, defaultTimeout),
	); err != nil {
		return err
	}
	if s.MaxRefresh < s.MinRefresh {
		return fmt.Errorf("max_refresh: %s is less than min_refresh, %s",
			time.Duration(s.MaxRefresh), time.Duration(s.MinRefresh))
	}
	return nil
}

func (s *Source) checkRotation() error {
	if s.Rotating = cmp.Or(s.Rotating, "auto"); !slices.Contains(rotationModes, s.Rotating) {
		return fmt.Errorf("rotating: %q is not auto, on or off", s.Rotating)
	}
	keep := time.Duration(s.KeepUnseen)
	switch {
	case keep < 0 || keep > 0 && keep < discovery.MinInterval:
		return discovery.DefaultInterval("keep_unseen", &s.KeepUnseen, 0)
	case keep > 0 && s.Rotating == "off":
		return fmt.Errorf("keep_unseen: %s is given, but rotating is off", keep)
	case keep > 0 && s.KeepUnseen < s.MinRefresh:
		return fmt.Errorf(
			"keep_unseen: %s is less than min_refresh, %s, so no endpoint would stay until the next look-up",
			keep, time.Duration(s.MinRefresh))
	}
	s.rotation.mode, s.rotation.keep = s.Rotating, keep
	return nil
}

func (s *Source) checkName() error {
	if s.Name == "" {
		return errors.New("name: is missing; expected one such as web.example.com")
	}
	if _, err := netip.ParseAddr(s.Name); err == nil {
		return fmt.Errorf("name: %s is an address, which the source static takes", s.Name)
	}
	if _, ok := dns.IsDomainName(s.Name); !ok {
		return fmt.Errorf("name: %q is not a domain name", s.Name)
	}
	return nil
}

func (s *Source) checkPort() error {
	switch s.Type {
	case "srv":
		if s.Port != 0 {
			return errors.New("port: is given, but SRV records have ports of their own")
		}
	case "a":
		if s.Port < 1 || s.Port > math.MaxUint16 {
			return fmt.Errorf("port: %d is not between 1 and 65535; addresses need a port", s.Port)
		}
		if s.KeepNames {
			return errors.New("keep_names: is for the targets of SRV records; the type is a")
		}
	default:
		return fmt.Errorf("type: %q is not srv or a", s.Type)
	}
	return nil
}

func (s *Source) checkResolvers() error {
	for i, text := range s.resolvers {
		address, err := caddy.ParseNetworkAddressWithDefaults(text, "udp", 53)
		if err != nil || address.Network != "udp" || address.Host == "" ||
			address.PortRangeSize() != 1 || address.StartPort == 0 {
			return fmt.Errorf("resolvers: %q is not an address such as 10.0.0.53 or 127.0.0.1:8600", text)
		}
		s.resolvers[i] = address.JoinHostPort(0)
	}
	return nil
}

// refreshAfter returns the pause before the next look-up. A random part keeps several proxies from
// asking at once.
func (s *Source) refreshAfter(ttl uint32) time.Duration {
	wait := min(max(time.Duration(ttl)*time.Second, time.Duration(s.MinRefresh)), time.Duration(s.MaxRefresh))
	return wait + rand.N(wait/10+1)
}

// names returns the full names to try for the given name, and the resolvers to ask.
func (s *Source) names(resolvConf string) (names, resolvers []string, err error) {
	if len(s.resolvers) > 0 { // the search domains belong to the resolvers of the system
		return []string{dns.Fqdn(s.Name)}, s.resolvers, nil
	}
	config, err := dns.ClientConfigFromFile(resolvConf)
	if err != nil {
		return nil, nil, err
	}
	for _, server := range config.Servers {
		resolvers = append(resolvers, net.JoinHostPort(server, config.Port))
	}
	if len(resolvers) == 0 {
		return nil, nil, errors.New(resolvConf + " names no resolver; name one with the option resolvers")
	}
	return validNames(config.NameList(s.Name)), resolvers, nil
}

// validNames leaves out the names that a search domain made too long.
func validNames(names []string) []string {
	var fit []string
	for _, name := range names {
		if _, ok := dns.IsDomainName(name); ok {
			fit = append(fit, name)
		}
	}
	return fit
}
