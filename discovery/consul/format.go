package consul

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/consul/api"

	"github.com/caddy-balance/caddy-balance/internal/format"
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// kratosURLs returns the URLs of an instance that Kratos registered, and nil for any other. Kratos
// stores them as tagged addresses by their schemes. Those of Consul itself are not URLs. As in
// Kratos, an instance without URLs has its own address by http.
func (s *Source) kratosURLs(service *api.AgentService, node *api.Node) (urls []string) {
	if s.Format == format.Kitex {
		return nil
	}
	for _, scheme := range slices.Sorted(maps.Keys(service.TaggedAddresses)) {
		if url := service.TaggedAddresses[scheme].Address; strings.Contains(url, "://") {
			urls = append(urls, url)
		}
	}
	if len(urls) == 0 && s.Format == format.Kratos {
		if own, err := address(service, node); err == nil {
			urls = append(urls, "http://"+own)
		}
	}
	return urls
}

// readKratos sets what Kratos registers in a way of its own: the address, the version, and the
// weight, which is in the metadata. A weight of 0 in Consul drains these instances, too.
func (s *Source) readKratos(info *listing.Info, service *api.AgentService, urls []string) error {
	instance := format.Instance{
		ID: service.ID, Version: kratosVersion(service.Tags), Metadata: service.Meta, Endpoints: urls,
	}
	read, err := instance.Endpoint(s.Scheme)
	if err != nil {
		return err
	}
	info.Address, info.Metadata, info.Zone = read.Address, read.Metadata, cmp.Or(info.Zone, read.Zone)
	if info.Weight > 0 {
		info.Weight = read.Weight
	}
	if read.ID == read.Address { // the instance's own is new at each start
		info.ID = read.ID
	}
	return nil
}

// kratosVersion returns the version that Kratos writes as a tag.
func kratosVersion(tags []string) string {
	for _, tag := range tags {
		if version, ok := strings.CutPrefix(tag, "version="); ok {
			return version
		}
	}
	return ""
}
