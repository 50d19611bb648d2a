package kubernetes

import (
	"maps"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/caddy-balance/caddy-balance/discovery"
)

// answerTo returns the answer of a view to a Service and its slices.
func answerTo(w selection, s *corev1.Service, all ...*discoveryv1.EndpointSlice) (last discovery.Answer) {
	w.namespace, w.service = "shop", "web"
	if w.annotation == "" {
		w.annotation = defaultWeightAnnotation
	}
	v := newView(w, discovery.DefaultMaxEndpoints)
	list := make([]any, len(all))
	for i, slice := range all {
		list[i] = slice
	}
	_ = v.slices.Replace(list, "")
	_ = v.services.Replace([]any{s}, "")
	v.reportTo(func(a discovery.Answer) { last = a })
	return last
}

func TestConditionsDecideWhetherAnEndpointServes(t *testing.T) {
	yes, no := new(true), new(false)
	for _, c := range []struct {
		name                        string
		ready, serving, terminating *bool
		want                        []string // beside an endpoint that is ready
	}{
		{"ready", yes, yes, no, []string{"10.0.0.1:8080"}},
		{"nothing said", nil, nil, nil, []string{"10.0.0.1:8080"}},
		{"ready, nothing else said", yes, nil, nil, []string{"10.0.0.1:8080"}},
		{"terminating, but its Service publishes what is not ready", yes, yes, yes, []string{"10.0.0.1:8080"}},
		{"not ready, but its Service publishes that", yes, no, no, []string{"10.0.0.1:8080"}},
		{"terminating and serving", no, yes, yes, []string{"10.0.0.1:8080 draining"}},
		{"terminating, nothing said of serving", no, nil, yes, []string{"10.0.0.1:8080 draining"}},
		{"terminating and no longer serving", no, no, yes, nil},
		{"not ready yet", no, no, no, nil},
		{"not ready, nothing else said", no, nil, nil, nil},
		{"serving, yet not ready", no, yes, no, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := answerTo(selection{}, service(), slice("a", ready("10.0.0.9"), endpointWith("10.0.0.1", c.ready, c.serving, c.terminating)))
			if want := append(c.want, "10.0.0.9:8080"); !slices.Equal(shown(a), want) || a.Err != nil || a.Dropped != nil {
				t.Errorf("got %v, %v, %v; want %v", shown(a), a.Err, a.Dropped, want)
			}
		})
	}
}

func TestTerminatingEndpointsServeIfNoneIsReady(t *testing.T) {
	a := answerTo(selection{}, service(), slice("a", terminating("10.0.0.1")), slice("b", terminating("10.0.0.2")))
	if want := []string{"10.0.0.1:8080", "10.0.0.2:8080"}; !slices.Equal(shown(a), want) {
		t.Errorf("got %v; want %v", shown(a), want)
	}
}

func TestTheReadyEndpointWinsWhenTwoSlicesHaveAnAddress(t *testing.T) {
	off := endpointWith("10.0.0.1", new(false), new(false), new(true))
	other := ready("10.0.0.9")
	for name, c := range map[string]struct {
		first, second discoveryv1.Endpoint
		want          string
	}{
		"ready twice":             {ready("10.0.0.1"), ready("10.0.0.1"), "10.0.0.1:8080"},
		"ready, then terminating": {ready("10.0.0.1"), terminating("10.0.0.1"), "10.0.0.1:8080"},
		"terminating, then ready": {terminating("10.0.0.1"), ready("10.0.0.1"), "10.0.0.1:8080"},
		"gone, then ready":        {off, ready("10.0.0.1"), "10.0.0.1:8080"},
		"terminating, then gone":  {terminating("10.0.0.1"), off, "10.0.0.1:8080 draining"},
		"gone, then terminating":  {off, terminating("10.0.0.1"), "10.0.0.1:8080 draining"},
	} {
		t.Run(name, func(t *testing.T) {
			a := answerTo(selection{}, service(), slice("a", c.first), slice("b", c.second, other))
			if want := []string{c.want, "10.0.0.9:8080"}; !slices.Equal(shown(a), want) || a.Dropped != nil {
				t.Errorf("got %v, dropped %v; want %v", shown(a), a.Dropped, want)
			}
		})
	}
}

func TestAnAddressThatIsReusedIsThatOfThePodThatIsReady(t *testing.T) {
	named := func(e discoveryv1.Endpoint, pod string) discoveryv1.Endpoint {
		e.TargetRef = &corev1.ObjectReference{Kind: "Pod", Name: pod}
		return e
	}
	no, yes := new(false), new(true)
	for what, old := range map[string]discoveryv1.Endpoint{
		"terminating":                    terminating("10.0.0.1"),
		"gone":                           endpointWith("10.0.0.1", no, no, yes),
		"not ready":                      endpointWith("10.0.0.1", no, no, no),
		"serving, yet not ready":         endpointWith("10.0.0.1", no, yes, no),
		"nothing said but that it stops": endpointWith("10.0.0.1", no, nil, yes),
	} {
		old, fresh, other := named(old, "old"), named(ready("10.0.0.1"), "new"), named(ready("10.0.0.9"), "other")
		for order, all := range map[string][]*discoveryv1.EndpointSlice{
			"one slice, the old one first":  {slice("a", old, fresh, other)},
			"one slice, the old one last":   {slice("a", fresh, other, old)},
			"two slices, the old one first": {slice("a", old), slice("b", fresh, other)},
			"two slices, the old one last":  {slice("a", other, fresh), slice("b", old)},
		} {
			a := answerTo(selection{}, service(), all...)
			if want := []string{"10.0.0.1:8080", "10.0.0.9:8080"}; !slices.Equal(shown(a), want) || a.Dropped != nil {
				t.Errorf("%s, %s: got %v, dropped %s", what, order, shown(a), dropped(a))
			}
			for _, e := range a.Endpoints {
				if e.ID == "old" {
					t.Errorf("%s, %s: the endpoint is that of the old pod", what, order)
				}
			}
		}
	}
}

func TestAnAddressIsTheSameInEverySpelling(t *testing.T) {
	one := slice("a", terminating("fd00:0:0::1"), ready("fd00::1"), ready("fd00::2"))
	one.AddressType = discoveryv1.AddressTypeIPv6
	a := answerTo(selection{family: "IPv6"}, service(), one)
	if want := []string{"[fd00::1]:8080", "[fd00::2]:8080"}; !slices.Equal(shown(a), want) || a.Dropped != nil {
		t.Errorf("got %v, dropped %s", shown(a), dropped(a))
	}
}

func TestAnEndpointHasItsZoneAndPod(t *testing.T) {
	e := ready("10.0.0.1")
	e.Zone, e.NodeName = new("eu-1a"), new("node-7")
	e.TargetRef = &corev1.ObjectReference{Kind: "Pod", Namespace: "shop", Name: "web-0"}
	e.Hints = &discoveryv1.EndpointHints{ForZones: []discoveryv1.ForZone{{Name: "eu-1a"}, {Name: "eu-1b"}}, ForNodes: []discoveryv1.ForNode{{Name: "node-7"}}}
	machine := ready("10.0.0.2")
	machine.TargetRef = &corev1.ObjectReference{Kind: "VirtualMachine", Name: "vm-3"}
	a := answerTo(selection{}, service(), slice("a", e, machine, ready("10.0.0.3")))
	if len(a.Endpoints) != 3 {
		t.Fatalf("got %v", a)
	}
	got := a.Endpoints[0]
	want := map[string]string{"pod": "web-0", "node": "node-7", "for_zones": "eu-1a,eu-1b", "for_nodes": "node-7"}
	if got.ID != "web-0" || got.Zone != "eu-1a" || !maps.Equal(got.Metadata, want) {
		t.Errorf("got %+v", got)
	}
	if got := a.Endpoints[1]; got.ID != "vm-3" || len(got.Metadata) > 0 {
		t.Errorf("of another kind than a pod: got %+v", got)
	}
	if got := a.Endpoints[2]; got.ID != "" || len(got.Metadata) > 0 {
		t.Errorf("of no known kind: got %+v", got)
	}
}

func TestTheWeightIsReadFromTheSliceOrTheService(t *testing.T) {
	const key = "example.com/share"
	for name, c := range map[string]struct {
		service, slice, want, dropped string
	}{
		"of neither":                           {"", "", "10.0.0.1:8080", ""},
		"of the Service":                       {"5", "", "10.0.0.1:8080 weight 5", ""},
		"of the slice":                         {"5", "3", "10.0.0.1:8080 weight 3", ""},
		"zero":                                 {"0", "", "10.0.0.1:8080 weight 0", ""},
		"of the Service, the slice's is wrong": {"5", "-1", "10.0.0.1:8080 weight 5", `endpointslice a: annotation example.com/share: "-1" is not a whole number from 0 to 65535`},
		"of neither, both are wrong":           {"many", "", "10.0.0.1:8080", `service web: annotation example.com/share: "many" is not a whole number from 0 to 65535`},
		"too large":                            {"65536", "", "10.0.0.1:8080", `service web: annotation example.com/share: "65536" is not a whole number from 0 to 65535`},
	} {
		t.Run(name, func(t *testing.T) {
			s, one := service(), slice("a", ready("10.0.0.1"))
			if c.service != "" {
				s.Annotations = map[string]string{key: c.service}
			}
			if c.slice != "" {
				one.Annotations = map[string]string{key: c.slice}
			}
			a := answerTo(selection{annotation: key}, s, one)
			if got := shown(a); !slices.Equal(got, []string{c.want}) || dropped(a) != c.dropped {
				t.Errorf("got %v, dropped %q; want %s, %q", got, dropped(a), c.want, c.dropped)
			}
		})
	}
}

func TestTheFamilyIsTheConfiguredOrTheFirstOne(t *testing.T) {
	four, six := slice("four", ready("10.0.0.1")), slice("six", ready("fd00::1"))
	six.AddressType = discoveryv1.AddressTypeIPv6
	names := slice("names", ready("web.example.com"))
	names.AddressType = discoveryv1.AddressTypeFQDN
	for name, c := range map[string]struct {
		families []corev1.IPFamily
		wanted   discoveryv1.AddressType
		slices   []*discoveryv1.EndpointSlice
		want     []string
		err      string
	}{
		"nothing said":      {nil, "", []*discoveryv1.EndpointSlice{four, six, names}, []string{"10.0.0.1:8080"}, ""},
		"IPv6 first":        {[]corev1.IPFamily{"IPv6", "IPv4"}, "", []*discoveryv1.EndpointSlice{four, six}, []string{"[fd00::1]:8080"}, ""},
		"the config's":      {[]corev1.IPFamily{"IPv6", "IPv4"}, "IPv4", []*discoveryv1.EndpointSlice{four, six}, []string{"10.0.0.1:8080"}, ""},
		"only other ones":   {nil, "IPv6", []*discoveryv1.EndpointSlice{four}, nil, "service shop/web: has no endpoints of family IPv6, only of others"},
		"none of any":       {nil, "IPv6", nil, nil, ""},
		"only names":        {nil, "", []*discoveryv1.EndpointSlice{names}, nil, "service shop/web: has no endpoints of family IPv4, only of others"},
		"of both the first": {[]corev1.IPFamily{"IPv4", "IPv6"}, "", []*discoveryv1.EndpointSlice{six, four}, []string{"10.0.0.1:8080"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := service()
			s.Spec.IPFamilies = c.families
			a := answerTo(selection{family: c.wanted}, s, c.slices...)
			if got := shown(a); !slices.Equal(got, c.want) || errorText(a.Err) != c.err {
				t.Errorf("got %v, %v; want %v, %s", got, a.Err, c.want, c.err)
			}
		})
	}
}

func TestBadEntriesAreDroppedAlone(t *testing.T) {
	a := answerTo(selection{}, service(), slice("a",
		ready("10.0.0.1"), ready(""), ready("10.0.0.1/x"), ready("a b"),
		discoveryv1.Endpoint{}, ready(strings.Repeat("x", 1000)), ready("10.0.0.2")))
	if want := []string{"10.0.0.1:8080", "10.0.0.2:8080"}; !slices.Equal(shown(a), want) {
		t.Errorf("got %v; want %v", shown(a), want)
	}
	if len(a.Dropped) != 5 {
		t.Errorf("dropped %q", dropped(a))
	}
	for _, d := range a.Dropped {
		if !strings.HasPrefix(d.Key, "a ") && d.Key != "endpointslice a" {
			t.Errorf("does not name the slice: %s", d.Key)
		}
	}
}

// dropped lists the dropped entries of an answer as text.
func dropped(a discovery.Answer) string {
	var all []string
	for _, d := range a.Dropped {
		all = append(all, d.Key+": "+d.Err.Error())
	}
	return strings.Join(all, "; ")
}

// errorText returns the text of an error, or "" without one.
func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
