package kubernetes

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

func TestThePortIsOneOfTheService(t *testing.T) {
	for name, c := range map[string]struct {
		ports []string
		text  string
		want  string // of a slice with http 8080, metrics 9100 and one without a name 7000
		err   string
	}{
		"the only one, without a name":  {[]string{" 80"}, "", "10.0.0.1:7000", ""},
		"the only one":                  {[]string{"http 80"}, "", "10.0.0.1:8080", ""},
		"by name":                       {[]string{"http 80", "metrics 9090"}, "metrics", "10.0.0.1:9100", ""},
		"by number":                     {[]string{"http 80", "metrics 9090"}, "80", "10.0.0.1:8080", ""},
		"none of several":               {[]string{"http 80", "metrics 9090"}, "", "", "service shop/web: has several ports; expected one of http 80, metrics 9090"},
		"by a name that is not there":   {[]string{"http 80"}, "grpc", "", "service shop/web: has no TCP port grpc; expected http 80"},
		"by the number of the pods":     {[]string{"http 80"}, "8080", "", "service shop/web: has no TCP port 8080; expected http 80"},
		"without ports, by number":      {[]string{}, "6000", "10.0.0.1:6000", ""},
		"without ports, by none":        {[]string{}, "", "", "service shop/web: has no ports; expected the number of a port of its pods, from 1 to 65535"},
		"without ports, by a name":      {[]string{}, "http", "", "service shop/web: has no ports; expected the number of a port of its pods, from 1 to 65535"},
		"without ports, by no number":   {[]string{}, "0", "", "service shop/web: has no ports; expected the number of a port of its pods, from 1 to 65535"},
		"without ports, beyond numbers": {[]string{}, "65536", "", "service shop/web: has no ports; expected the number of a port of its pods, from 1 to 65535"},
	} {
		t.Run(name, func(t *testing.T) {
			s := service(c.ports...)
			if len(c.ports) == 0 {
				s.Spec.Ports = nil
			}
			one := slice("a", ready("10.0.0.1"))
			one.Ports = []discoveryv1.EndpointPort{{Name: new("http"), Port: new(int32(8080))}, {Name: new("metrics"), Port: new(int32(9100))}, {Port: new(int32(7000))}}
			a := answerTo(selection{port: c.text}, s, one)
			var want []string
			if c.want != "" {
				want = []string{c.want}
			}
			if got := shown(a); !slices.Equal(got, want) || errorText(a.Err) != c.err {
				t.Errorf("got %v, %v; want %v, %s", got, a.Err, want, c.err)
			}
			if c.err != "" && a.Endpoints != nil {
				t.Error("a port that cannot be chosen removes the list")
			}
		})
	}
}

func TestHTTP3DoesNotMakeAPortAmbiguous(t *testing.T) {
	s := service("https 443", "http3 443")
	s.Spec.Ports[1].Protocol = corev1.ProtocolUDP
	one := slice("a", ready("10.0.0.1"))
	one.Ports = []discoveryv1.EndpointPort{
		{Name: new("http3"), Port: new(int32(8444)), Protocol: new(corev1.ProtocolUDP)},
		{Name: new("https"), Port: new(int32(8443)), Protocol: new(corev1.ProtocolTCP)},
	}
	for _, text := range []string{"", "443", "https"} {
		if got := shown(answerTo(selection{port: text}, s, one)); !slices.Equal(got, []string{"10.0.0.1:8443"}) {
			t.Errorf("%q: got %v", text, got)
		}
	}
	if a := answerTo(selection{port: "http3"}, s, one); errorText(a.Err) != "service shop/web: has no TCP port http3; expected https 443" {
		t.Errorf("got %v", a.Err)
	}
}

func TestSlicesMayDifferInTheNumberOfANamedPort(t *testing.T) {
	older, newer, none, bare := slice("a", ready("10.0.0.1")), slice("b", ready("10.0.0.2")), slice("c", ready("10.0.0.3")), slice("d", ready("10.0.0.4"))
	newer.Ports[0].Port = new(int32(9090))
	none.Ports = nil
	bare.Ports[0].Port = nil
	empty := slice("e")
	empty.Ports = nil
	a := answerTo(selection{}, service(), older, newer, none, bare, empty)
	if want := []string{"10.0.0.1:8080", "10.0.0.2:9090"}; !slices.Equal(shown(a), want) {
		t.Errorf("got %v; want %v", shown(a), want)
	}
	if want := `endpointslice c: has no port ""; endpointslice d: port "": has no number`; dropped(a) != want {
		t.Errorf("dropped %s; want %s", dropped(a), want)
	}
}

func TestAPortThatASliceLacksIsTheOneThatTheServiceSays(t *testing.T) {
	known, null, bare, other := slice("a", ready("10.0.0.1")), slice("b", ready("10.0.0.2")), slice("c", ready("10.0.0.3")), slice("d", ready("10.0.0.4"))
	for _, s := range []*discoveryv1.EndpointSlice{known, bare, other} {
		s.Ports[0].Name = new("http")
	}
	null.Ports, bare.Ports[0].Port, other.Ports[0].Name = nil, nil, new("metrics")
	for name, c := range map[string]struct {
		target  intstr.IntOrString
		want    []string
		dropped string
	}{
		"a number": {intstr.FromInt32(9000), []string{"10.0.0.1:8080", "10.0.0.2:9000", "10.0.0.3:9000"},
			`endpointslice d: has no port "http"`},
		"a name": {intstr.FromString("http"), []string{"10.0.0.1:8080"},
			`endpointslice b: has no port "http"; endpointslice c: port "http": has no number; endpointslice d: has no port "http"`},
		"nothing": {intstr.IntOrString{}, []string{"10.0.0.1:8080"},
			`endpointslice b: has no port "http"; endpointslice c: port "http": has no number; endpointslice d: has no port "http"`},
	} {
		s := service("http 80")
		s.Spec.Ports[0].TargetPort = c.target
		for _, all := range [][]*discoveryv1.EndpointSlice{{known, null, bare, other}, {other, bare, null, known}} {
			if a := answerTo(selection{port: "http"}, s, all...); !slices.Equal(shown(a), c.want) || dropped(a) != c.dropped {
				t.Errorf("%s: got %v, dropped %s; want %v, %s", name, shown(a), dropped(a), c.want, c.dropped)
			}
		}
	}
}

func TestAnExternalNameHasNoEndpoints(t *testing.T) {
	s := service()
	s.Spec.Type = corev1.ServiceTypeExternalName
	if a := answerTo(selection{}, s); a.Endpoints != nil || a.Err == nil {
		t.Errorf("got %v", a)
	}
}
