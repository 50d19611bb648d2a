package healthprobe

import (
	"bufio"
	"context"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// beside is a probe that asks the agent at a for any endpoint.
func beside(a *Endpoint) *AgentProbe {
	return &AgentProbe{Connection: Connection{Upstream: a.Address}}
}

func agent(t *testing.T, answer string) *AgentProbe {
	return provisioned(t, beside(serve(t, func(c net.Conn) { io.WriteString(c, answer) })))
}

func TestAnAgentIsAskedForOneLine(t *testing.T) {
	leaksNothing(t)
	const closed = "waiting for a line: the connection was closed before the answer was complete"
	for answer, want := range map[string]struct{ advice, err string }{
		"up 50%\n":                             {"50%", ""},
		"drain\r\n":                            {"drain", ""},
		"ready\rdown\n":                        {"ready", ""}, // one line only
		"maint\n" + strings.Repeat("x", 1<<20): {"maint", ""},
		"down#no disk\n":                       {"", `the agent says down: "no disk"`},
		"":                                     {"", closed},
		"100%":                                 {"", closed},
		"\n":                                   {"", "the agent's line has no word; expected up, down, drain, 75% or the like"},
		"hello\n":                              {"", `the agent's word "hello" is not known`},
		strings.Repeat("up ", 341) + "\n":      {"", ""},
		strings.Repeat("up ", 342) + "\n":      {"", "waiting for a line: the line is longer than 1 KiB"},
	} {
		advice, err := agent(t, answer).Advise(t.Context(), &Target{Endpoint: web7})
		if expect(t, excerpt([]byte(answer)), err, want.err); replyOf(advice) != want.advice {
			t.Errorf("%q: got %q, want %q", answer, replyOf(advice), want.advice)
		}
	}
}

func TestAnAgentIsFoundAtThePortOfTheEndpoint(t *testing.T) {
	a := serve(t, func(c net.Conn) {
		name, _ := bufio.NewReader(c).ReadString('\n')
		io.WriteString(c, "down # I am "+name)
	})
	host, port := hostPort(a.Address)
	probe := provisioned(t, &AgentProbe{Connection: Connection{Port: caddyhttp.WeakString(port)}, Send: `{endpoint.id}\n`})
	err := checked(t, probe, &Endpoint{Address: host + ":1", ID: "web-7"})
	expect(t, port, err, `the agent says down: "I am web-7"`)
}

func TestAnAgentThatCannotBeReachedFailsUnlessItIsOptional(t *testing.T) {
	leaksNothing(t)
	for name, c := range map[string]struct {
		agent *Endpoint
		want  [2]string // required, optional
	}{
		"refusing": {nobody(t), [2]string{"connecting: connection refused", ""}},
		"hanging":  {serve(t, hangs), [2]string{"waiting for a line: timed out", "waiting for a line: timed out"}},
	} {
		for i, optional := range []bool{false, true} {
			probe := beside(c.agent)
			probe.Optional = optional
			advice, err := func() (Advice, error) {
				ctx, cancel := context.WithTimeout(t.Context(), brief)
				defer cancel()
				return provisioned(t, probe).Advise(ctx, &Target{Endpoint: web7})
			}()
			if expect(t, name, err, c.want[i]); advice != (Advice{}) {
				t.Errorf("%s: got %q", name, replyOf(advice))
			}
		}
	}
}

func TestMistakesInAnAgentProbeAreFoundWhenTheConfigIsLoaded(t *testing.T) {
	refuses(t, map[string]*AgentProbe{
		"port: is missing; expected the port of the agent, or its address as upstream": {},
		`send: "\\" does not begin with an escape such as \r, \n, \x00 or \\`:          {Connection: Connection{Port: "1"}, Send: `\`},
	})
}
