package docker

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/goleak"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/leaktest"
	"github.com/caddy-balance/caddy-balance/internal/sourcetest"
)

// start runs a source until the test ends.
func start(t *testing.T, s *Source) *sourcetest.Running {
	t.Helper()
	if s.Labels == nil {
		s.Labels = Labels{"balance.pool=web"}
	}
	if s.Timeout == 0 {
		s.Timeout = caddy.Duration(sourcetest.Patience) // a busy machine must cause no errors
	}
	return sourcetest.Start(t, s)
}

func TestContainersThatComeRestartAndGoAreFollowed(t *testing.T) {
	e := startEngine(t)
	e.run("web-1", "10.0.0.1", "")
	running := start(t, &Source{Host: e.host})
	running.WantList("10.0.0.1:80")
	e.run("web-2", "10.0.0.2", "")
	running.WantList("10.0.0.1:80", "10.0.0.2:80")
	e.stop("web-1")
	running.WantList("10.0.0.2:80")
	e.run("web-1", "10.0.0.3", "")
	if answer := running.WantList("10.0.0.3:80", "10.0.0.2:80"); answer.Endpoints[0].ID != "web-1" || len(answer.Dropped) > 0 {
		t.Errorf("got %+v; want the old ID and nothing dropped", answer)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if want := `{"label":{"balance.pool=web":true}}`; e.filters != want {
		t.Errorf("asked for %s; want %s", e.filters, want)
	}
}

func TestAContainerNeedsAllLabels(t *testing.T) {
	e := startEngine(t)
	e.run("web-1", "10.0.0.1", "")
	t.Setenv("CADDY_BALANCE_TEAM", "a")
	start(t, &Source{Host: e.host, Labels: Labels{"app=web", "team={env.CADDY_BALANCE_TEAM}"}}).WantList("10.0.0.1:80")
	e.mu.Lock()
	defer e.mu.Unlock()
	if want := `{"label":{"app=web":true,"team=a":true}}`; e.filters != want {
		t.Errorf("asked for %s; want %s", e.filters, want)
	}
}

func TestALossIsAuthoritativeUnlessItIsOfHealth(t *testing.T) {
	e := startEngine(t)
	e.run("web-1", "10.0.0.1", "healthy")
	running := start(t, &Source{Host: e.host})
	running.WantList("10.0.0.1:80")
	e.run("web-1", "10.0.0.1", "unhealthy")
	if running.WantList().Authoritative {
		t.Error("the loss of health is authoritative")
	}
	e.run("web-1", "10.0.0.1", "starting")
	if !running.WantList().Authoritative {
		t.Error("a container that starts again is not authoritative")
	}
	e.run("web-1", "10.0.0.1", "healthy")
	running.WantList("10.0.0.1:80")
	e.stop("web-1")
	if !running.WantList().Authoritative {
		t.Error("the end of a container is not authoritative")
	}
}

func TestAContainerRemovedWhileItIsReadIsNoError(t *testing.T) {
	e := startEngine(t)
	e.vanished = "gone"
	e.run("web-1", "10.0.0.1", "")
	running := start(t, &Source{Host: e.host})
	running.WantList("10.0.0.1:80")
	running.WantNoError()
}

func TestAContainerWithAMistakeIsDroppedAlone(t *testing.T) {
	e := startEngine(t)
	e.run("web-1", "", "")
	e.run("web-2", "10.0.0.2", "")
	e.run("web-3", "10.0.0.2", "")
	running := start(t, &Source{Host: e.host})
	answer := running.WantList("10.0.0.2:80")
	if len(answer.Dropped) != 2 || answer.Dropped[0].Key != "web-1" || answer.Dropped[1].Key != "web-3" {
		t.Errorf("dropped %v; want web-1 and web-3", answer.Dropped)
	}
}

func TestAnEngineThatFailsKeepsTheListAndIsAskedAgain(t *testing.T) {
	e := startEngine(t)
	e.run("web-1", "10.0.0.1", "")
	running := start(t, &Source{Host: e.host})
	running.WantList("10.0.0.1:80")
	e.change("start", func() { e.broken = true })
	running.WantError("listing containers: Error response from daemon: out of order")
	running.WantNewest("10.0.0.1:80")
	e.change("", func() {
		e.broken = false
		for s := range e.streams {
			close(s)
		}
		clear(e.streams)
		e.containers["web-2"] = strings.NewReplacer("web-1", "web-2", "10.0.0.1", "10.0.0.2").Replace(e.containers["web-1"])
	})
	running.WantList("10.0.0.1:80", "10.0.0.2:80")
}

func TestAnEngineThatDoesNotAnswerIsAnError(t *testing.T) {
	e := startEngine(t)
	e.run("web-1", "10.0.0.1", "")
	e.silent = make(chan struct{})
	running := start(t, &Source{Host: e.host, Timeout: caddy.Duration(time.Second)})
	running.WantError("asking /_ping for the API version: no answer within 1s")
	e.change("", func() { close(e.silent); e.silent = nil })
	running.WantList("10.0.0.1:80")
	e.change("start", func() { e.silent = make(chan struct{}) })
	running.WantError("listing containers: no answer within 1s")
}

func TestEventsOfCommandsInsideOfContainersAreIgnored(t *testing.T) {
	e := startEngine(t)
	e.run("web-1", "10.0.0.1", "")
	running := start(t, &Source{Host: e.host})
	running.WantList("10.0.0.1:80")
	for range 20 {
		e.change("exec_create: /bin/check", func() {})
	}
	e.run("web-2", "10.0.0.2", "")
	running.WantList("10.0.0.1:80", "10.0.0.2:80")
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.lists != 2 {
		t.Errorf("listed %d times; want 2", e.lists)
	}
}

func TestASourceThatStoppedLeavesNothingBehind(t *testing.T) {
	e := startEngine(t)
	e.run("web-1", "10.0.0.1", "")
	for name, s := range map[string]*Source{
		"while it follows":  {Host: e.host},
		"without an engine": {Host: "unix:///nowhere/docker.sock"},
	} {
		t.Run(name, func(t *testing.T) {
			before := goleak.IgnoreCurrent()
			t.Cleanup(func() {
				leaktest.WantNone(t, before, goleak.IgnoreAnyFunction("net/http.(*conn).serve")) // the engine's
			})
			running := start(t, s)
			if strings.Contains(s.Host, "nowhere") {
				running.WantError("failed to connect to the docker API at unix:///nowhere")
			} else {
				running.WantList("10.0.0.1:80")
			}
		})
	}
}

func TestAContainerInTheNetworkOfAnotherHasItsAddress(t *testing.T) {
	e := startEngine(t)
	e.run("vpn", "10.0.0.5", "")
	e.listed = func(id string) bool { return id != "vpn" && id != "proxy" } // they lack the label
	running := start(t, &Source{Host: e.host})
	running.WantList()
	e.runInside("web-1", "vpn", 8080)
	running.WantList("10.0.0.5:8080")
	e.runInside("proxy", "vpn", 1)
	e.runInside("web-2", "proxy", 8081)
	running.WantList("10.0.0.5:8080", "10.0.0.5:8081")
	e.run("vpn", "10.0.0.6", "")
	running.WantList("10.0.0.6:8080", "10.0.0.6:8081")
	e.stop("vpn")
	answer := running.WantList()
	sourcetest.WantDropped(t, answer, "web-1: network: is that of another container, which does not run",
		"web-2: network: is that of another container, which does not run")
	e.run("vpn", "10.0.0.5", "")
	e.runInside("vpn", "vpn", 1)
	running.Want("an end in spite of a circle", func(a discovery.Answer) bool { return len(a.Dropped) == 2 })
}

func TestAPublishedPortOfAnotherContainersNetworkIsFound(t *testing.T) {
	e := startEngine(t)
	e.listed = func(id string) bool { return id != "vpn" }
	e.change("start", func() {
		e.containers["vpn"] = `{"Name":"/vpn","State":{"Status":"running"},"Config":{"ExposedPorts":{"8888/tcp":{}}},"NetworkSettings":{"Ports":{"8080/tcp":[{"HostIp":"0.0.0.0","HostPort":"32768"}]}}}`
	})
	e.runInside("web-1", "vpn", 8080)
	start(t, &Source{Host: e.host, Published: true}).WantList("127.0.0.1:32768")
}

func TestTheVersionOfTheAPIIsThatOfTheEngine(t *testing.T) {
	for _, version := range []string{"1.44", "1.52", "1.99"} { // engines refuse versions above and below some range
		e := startEngine(t)
		e.version = version
		e.run("web-1", "10.0.0.1", "")
		start(t, &Source{Host: e.host}).WantList("10.0.0.1:80")
	}
}

func TestAProxyThatForbidsPingIsNamed(t *testing.T) {
	for _, status := range []int{http.StatusForbidden, http.StatusUnauthorized, http.StatusNotFound} {
		e := startEngine(t)
		e.pingStatus = status
		start(t, &Source{Host: e.host}).WantError("a proxy before the engine must allow GET and HEAD of /_ping")
	}
}
