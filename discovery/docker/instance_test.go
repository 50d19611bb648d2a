package docker

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/moby/moby/api/types/container"

	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// inspected makes a container of an answer of an engine.
func inspected(t testing.TB, text string) *container.InspectResponse {
	t.Helper()
	c := new(container.InspectResponse)
	if err := json.Unmarshal([]byte(text), c); err != nil {
		t.Fatal(err)
	}
	return c
}

const (
	running = `"Name":"/web-1","State":{"Status":"running"}`
	exposes = `"ExposedPorts":{"8080/tcp":{},"8080/udp":{}}`
	bridged = `"Networks":{"bridge":{"IPAddress":"172.17.0.2","GlobalIPv6Address":""}}`
	twofold = `"Networks":{"back":{"IPAddress":"10.1.0.2"},"front":{"IPAddress":"10.2.0.2"}}`
)

func TestAContainerBecomesAnEndpoint(t *testing.T) {
	plain := listing.Info{Address: "172.17.0.2:8080", Weight: 1, ID: "web-1"}
	with := func(change func(*listing.Info)) listing.Info {
		info := plain
		change(&info)
		return info
	}
	for _, test := range []struct {
		what   string
		source Source
		text   string
		want   listing.Info
	}{
		{"the exposed port and the only network", Source{},
			`{` + running + `,"Config":{` + exposes + `},"NetworkSettings":{` + bridged + `}}`, plain},
		{"the port of the option", Source{Port: 9},
			`{` + running + `,"Config":{` + exposes + `},"NetworkSettings":{` + bridged + `}}`,
			with(func(i *listing.Info) { i.Address = "172.17.0.2:9" })},
		{"labels", Source{Port: 9, Labels: Labels{"app", "balance.pool=web"}},
			`{` + running + `,"Config":{"Labels":{"balance.pool":"web","balance.port":"80","balance.weight":"3","balance.priority":"1",` +
				`"balance.zone":"a","balance.max_requests":"7","balance.id":"one","other":"x"}},"NetworkSettings":{` + bridged + `}}`,
			listing.Info{Address: "172.17.0.2:80", Weight: 3, ID: "one", Priority: 1, Zone: "a", MaxRequests: 7}},
		{"the chosen network", Source{Network: "front"},
			`{` + running + `,"Config":{` + exposes + `},"NetworkSettings":{` + twofold + `}}`,
			with(func(i *listing.Info) { i.Address = "10.2.0.2:8080" })},
		{"IPv6", Source{},
			`{` + running + `,"Config":{` + exposes + `},"NetworkSettings":{"Networks":{"six":{"IPAddress":"","GlobalIPv6Address":"fd00::2"},"none":{}}}}`,
			with(func(i *listing.Info) { i.Address = "[fd00::2]:8080" })},
		{"a published port", Source{Published: true, machine: "10.9.9.9"},
			`{` + running + `,"Config":{},"NetworkSettings":{"Ports":{"8080/tcp":[{"HostIp":"0.0.0.0","HostPort":"32768"}]}}}`,
			with(func(i *listing.Info) { i.Address = "10.9.9.9:32768" })},
		{"a port that is published at one address", Source{Published: true, machine: "10.9.9.9"},
			`{` + running + `,"Config":{},"NetworkSettings":{"Ports":{"8080/tcp":[{"HostIp":"127.0.0.1","HostPort":"32768"}]}}}`,
			with(func(i *listing.Info) { i.Address = "127.0.0.1:32768" })},
		{"a label for the address", Source{},
			`{` + running + `,"HostConfig":{"NetworkMode":"host"},"Config":{` + exposes + `,"Labels":{"balance.address":"fd00::7"}},"NetworkSettings":{}}`,
			with(func(i *listing.Info) { i.Address = "[fd00::7]:8080" })},
		{"the network of the machine, by the option", Source{Published: true, machine: "10.9.9.9"},
			`{` + running + `,"HostConfig":{"NetworkMode":"host"},"Config":{` + exposes + `},"NetworkSettings":{}}`,
			with(func(i *listing.Info) { i.Address = "10.9.9.9:8080" })},
		{"a published port of a machine that a label names", Source{Published: true, machine: "127.0.0.1"},
			`{` + running + `,"Config":{"Labels":{"balance.address":"edge.lan"}},"NetworkSettings":{"Ports":{"8080/tcp":[{"HostIp":"0.0.0.0","HostPort":"32768"}]}}}`,
			with(func(i *listing.Info) { i.Address = "edge.lan:32768" })},
	} {
		c := inspected(t, test.text)
		got, err := test.source.endpoint(c, c)
		if err != nil || !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: got %+v, %v; want %+v", test.what, got, err, test.want)
		}
	}
}

func TestAMistakeInAContainerIsNamed(t *testing.T) {
	for _, test := range []struct {
		source Source
		text   string
		want   string
	}{
		{Source{}, `{` + running + `,"Config":{},"NetworkSettings":{` + bridged + `}}`, "port: the container exposes the TCP ports []; expected one"},
		{Source{}, `{` + running + `,"Config":{"ExposedPorts":{"80/tcp":{},"81/tcp":{}}},"NetworkSettings":{` + bridged + `}}`, "port: the container exposes the TCP ports [80 81]"},
		{Source{}, `{` + running + `,"Config":{` + exposes + `},"NetworkSettings":{` + twofold + `}}`, `network: the container has addresses in the networks ["back" "front"]`},
		{Source{Network: "far"}, `{` + running + `,"Config":{` + exposes + `},"NetworkSettings":{` + bridged + `}}`, `network: the container has addresses in the networks ["bridge"]`},
		{Source{}, `{` + running + `,"Config":{` + exposes + `},"NetworkSettings":{"Networks":{"host":{"IPAddress":""},"x":null}}}`, `networks []`},
		{Source{}, `{` + running + `,"HostConfig":{"NetworkMode":"host"},"Config":{` + exposes + `},"NetworkSettings":{"Networks":{"host":{"IPAddress":""}}}}`,
			"network: is that of the engine's machine; expected its address in the label balance.address, or the option published"},
		{Source{}, labelled("balance.address", "10.0.0.1:80"), `label balance.address: "10.0.0.1:80" is not an IP address or a host name`},
		{Source{}, labelled("balance.address", "http://a"), `label balance.address: "http://a" is not`},
		{Source{Published: true}, `{` + running + `,"Config":{` + exposes + `},"NetworkSettings":{` + bridged + `}}`, "port: 8080 is not published"},
		{Source{}, labelled("balance.wieght", "3"), "label balance.wieght: is not known; expected port, address, weight"},
		{Source{}, labelled("balance.weight", "much"), `label balance.weight: "much" is not a whole number`},
		{Source{}, labelled("balance.weight", "-1"), "weight: -1 is not between 0 and 65535"},
		{Source{}, labelled("balance.port", "0"), "label balance.port: 0 is not between 1 and 65535"},
		{Source{}, labelled("balance.port", "http"), `label balance.port: "http" is not a whole number`},
		{Source{}, labelled("balance.zone", `\u0007`), "zone: "},
	} {
		c := inspected(t, test.text)
		got, err := test.source.endpoint(c, c)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %+v, %v; want %s", test.text, got, err, test.want)
		}
	}
}

// labelled returns the answer of an engine about a container with one label.
func labelled(name, value string) string {
	return `{` + running + `,"Config":{` + exposes + `,"Labels":{"` + name + `":"` + value + `"}},"NetworkSettings":{` + bridged + `}}`
}

func TestOnlyHealthyRunningContainersServe(t *testing.T) {
	for state, want := range map[string]int{
		`{"Status":"running"}`:                                 serving,
		`{"Status":"running","Health":{"Status":"none"}}`:      serving,
		`{"Status":"running","Health":{"Status":""}}`:          serving,
		`{"Status":"running","Health":{"Status":"healthy"}}`:   serving,
		`{"Status":"running","Health":{"Status":"starting"}}`:  absent,
		`{"Status":"running","Health":{"Status":"unhealthy"}}`: unhealthy,
		`{"Status":"paused","Health":{"Status":"healthy"}}`:    absent,
		`{"Status":"restarting"}`:                              absent,
		`{"Status":"stopping"}`:                                absent,
		`{"Status":"exited","Health":{"Status":"unhealthy"}}`:  absent,
		`null`: absent,
	} {
		if got := condition(inspected(t, `{"State":`+state+`,"Config":{},"NetworkSettings":{}}`)); got != want {
			t.Errorf("%s: got %d; want %d", state, got, want)
		}
	}
	if condition(inspected(t, `{"State":{"Status":"running"}}`)) != absent {
		t.Error("a container without a config serves")
	}
}

func FuzzContainer(f *testing.F) {
	f.Add(`{`+running+`,"Config":{`+exposes+`},"NetworkSettings":{`+bridged+`}}`, "front", 0, false)
	f.Add(`{`+running+`,"Config":{},"NetworkSettings":{"Ports":{"8080/tcp":[{"HostIp":"","HostPort":"x"}]}}}`, "", 8080, true)
	f.Add(labelled("balance.weight", "99999999999999999999"), "", 1, false)
	f.Fuzz(func(t *testing.T, text, network string, port int, published bool) {
		c := new(container.InspectResponse)
		if json.Unmarshal([]byte(text), c) != nil || condition(c) != serving {
			return
		}
		s := Source{Network: network, Port: port & maxPort, Published: published, machine: "127.0.0.1"}
		info, err := s.endpoint(c, c)
		if again := info; err == nil && again.Normalize() != nil {
			t.Errorf("%s became %+v, which is not valid", text, info)
		}
	})
}
