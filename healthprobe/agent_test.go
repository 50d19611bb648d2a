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

// agentAt returns a probe that asks this agent, whatever the endpoint.
func agentAt(a *Endpoint) *AgentProbe {
	return &AgentProbe{Connection: Connection{Upstream: a.Address}}
}

// answeringAgent returns a provisioned probe whose agent answers each connection with text.
func answeringAgent(t *testing.T, text string) *AgentProbe {
	return provisioned(t, agentAt(serve(t, func(c net.Conn) { io.WriteString(c, text) })))
}

func TestAnAgentAnswersWithOneLine(t *testing.T) {
	verifyNoLeaks(t)
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
		advice, err := answeringAgent(t, answer).Advise(t.Context(), &Target{Endpoint: web7})
		if wantError(t, excerpt([]byte(answer), ""), err, want.err); replyOf(advice) != want.advice {
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
	wantError(t, port, err, `the agent says down: "I am ..."`)
}

func TestAnAgentThatCannotBeReachedFailsUnlessItIsOptional(t *testing.T) {
	verifyNoLeaks(t)
	const late = "waiting for a line: timed out"
	once := func(check func(context.Context) error) error { return check(t.Context()) }
	tooLong := func(check func(context.Context) error) error { return timedOut(t, check) }
	for name, c := range map[string]struct {
		agent *Endpoint
		run   func(check func(context.Context) error) error
		want  [2]string // required, optional
	}{
		"refusing": {refusing(t), once, [2]string{"connecting: connection refused", ""}},
		"hanging":  {serve(t, hangs), tooLong, [2]string{late, late}},
	} {
		for i, optional := range []bool{false, true} {
			probe := agentAt(c.agent)
			probe.Optional = optional
			provisioned(t, probe)
			var advice Advice
			check := func(ctx context.Context) (err error) {
				advice, err = probe.Advise(ctx, &Target{Endpoint: web7})
				return err
			}
			err := c.run(check)
			if wantError(t, name, err, c.want[i]); advice != (Advice{}) {
				t.Errorf("%s: got %q", name, replyOf(advice))
			}
		}
	}
}

func TestProvisionRefusesMistakesInAnAgentProbe(t *testing.T) {
	wantRefused(t, map[string]*AgentProbe{
		"port: is missing; expected the port of the agent, or its address as upstream": {},
		`send: "\\" does not begin with an escape such as \r, \n, \x00 or \\`:          {Connection: Connection{Port: "1"}, Send: `\`},
	})
}
