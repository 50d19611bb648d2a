package nacos

import (
	"cmp"
	"fmt"
	"math"
	"net"
	"strconv"
	"strings"

	"github.com/nacos-group/nacos-sdk-go/v2/model"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// defaultCluster is the cluster of instances that were registered without one. It is not used as a
// zone.
const defaultCluster = "DEFAULT"

// gather returns the list of the healthy instances.
func gather(instances []model.Instance) discovery.Answer {
	var g discovery.AnswerBuilder
	scale := weightScale(instances)
	for i := range instances {
		instance := &instances[i]
		if !instance.Healthy {
			continue
		}
		key := fmt.Sprintf("%.255s:%d", instance.Ip, instance.Port)
		info, err := endpointOf(instance, scale)
		if err != nil {
			g.Drop(key, err)
			continue
		}
		g.Add(key, info)
	}
	return g.Answer()
}

// endpointOf makes an endpoint of an instance, as the doc comment of Source describes.
func endpointOf(instance *model.Instance, scale float64) (info listing.Info, err error) {
	if instance.Port < 1 || instance.Port > 65535 {
		return info, fmt.Errorf("port: %d is not between 1 and 65535", instance.Port)
	}
	if instance.Ip == "" || strings.Contains(instance.Ip, "/") { // a slash would name a unix socket
		return info, fmt.Errorf("ip: %.100q is not a host", instance.Ip)
	}
	meta := instance.Metadata
	info = listing.Info{
		Address:  net.JoinHostPort(instance.Ip, strconv.FormatUint(instance.Port, 10)),
		ID:       meta["id"],
		Zone:     meta["zone"],
		Draining: !instance.Enable,
		Metadata: meta,
	}
	if instance.ClusterName != defaultCluster {
		info.Zone = cmp.Or(info.Zone, instance.ClusterName)
	}
	if err := checkSize(&info); err != nil {
		return info, err
	}
	if info.Weight, err = weight(instance.Weight, scale); err != nil {
		return info, err
	}
	return info, readMetadata(&info)
}

// readMetadata sets the fields that have metadata of their name.
func readMetadata(info *listing.Info) (err error) {
	for key, field := range map[string]*int{"priority": &info.Priority, "max_requests": &info.MaxRequests} {
		if text, ok := info.Metadata[key]; ok {
			if *field, err = strconv.Atoi(text); err != nil {
				return fmt.Errorf("metadata %s: %.100q is not a whole number", key, text)
			}
		}
	}
	if text, ok := info.Metadata["draining"]; ok {
		draining, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("metadata draining: %.100q is not true or false", text)
		}
		info.Draining = info.Draining || draining
	}
	return nil
}

// checkSize refuses an endpoint that is larger than any source may report.
func checkSize(info *listing.Info) error {
	size := len(info.Address) + len(info.Zone)
	for key, value := range info.Metadata {
		size += len(key) + len(value)
	}
	if size > listing.MaxEntrySize {
		return fmt.Errorf("has %d bytes; an endpoint may have %d", size, listing.MaxEntrySize)
	}
	return nil
}

// weightScale returns the factor that makes all weights whole: 1, 10 or 100, because Nacos' console
// has two decimal places. It is 1 for whole weights, so that they compare with those of other
// sources.
func weightScale(instances []model.Instance) float64 {
	scale, largest := 1.0, 0.0
	for i := range instances {
		largest = max(largest, instances[i].Weight)
		for scale < 100 && math.Abs(instances[i].Weight*scale-math.Round(instances[i].Weight*scale)) > 1e-6 {
			scale *= 10
		}
	}
	for scale > 1 && largest*scale > listing.MaxWeight {
		scale /= 10
	}
	return scale
}

// weight scales and rounds a weight. It never rounds to 0, which would drain the instance.
func weight(w, scale float64) (int, error) {
	switch {
	case w < 0 || w > listing.MaxWeight:
		return 0, fmt.Errorf("weight: %v is not between 0 and %d", w, listing.MaxWeight)
	case w == 0:
		return 0, nil
	}
	return min(max(int(math.Round(w*scale)), 1), listing.MaxWeight), nil
}
