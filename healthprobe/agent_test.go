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
	const inconclusive = ", has no known word: the check was inconclusive"
	for answer, want := range map[string]struct{ advice, err string }{
		"up 50%\n":                             {"up 50%", ""},
		"up 50%":                               {"up 50%", ""},
		"drain\r\n":                            {"drain", ""},
		"drain\r":                              {"drain", ""},
		"ready\rdown\n":                        {"ready", ""}, // one line only
		"up\n50%\n":                            {"up", ""},
		"maint\n" + strings.Repeat("x", 1<<20): {"maint", ""},
		"down#no disk\n":                       {"down", `the agent says down: "no disk"`},
		"down#no disk":                         {"down", `the agent says down: "no disk"`},
		"weight:128 foo\n":                     {"weight:128", ""},
		"":                                     {"", `the agent's line, ""` + inconclusive},
		"\n":                                   {"", `the agent's line, ""` + inconclusive},
		"\r\nup\r\n":                           {"", `the agent's line, ""` + inconclusive},
		"hello\n":                              {"", `the agent's line, "hello"` + inconclusive},
		strings.Repeat("up ", 341) + "\n":      {"up", ""},
		strings.Repeat("up ", 342) + "\n":      {"", "waiting for a line: the line is longer than 1 KiB"},
	} {
		advice, err := answeringAgent(t, answer).Advise(t.Context(), &Target{Endpoint: web7})
		if wantError(t, excerpt([]byte(answer), ""), err, want.err); replyOf(advice) != want.advice {
			t.Errorf("%q: got %q, want %q", answer, replyOf(advice), want.advice)
		}
	}
}

// An agent that closes without reading what it was sent resets its connection.
func TestAnAgentNeedNotReadWhatItIsSent(t *testing.T) {
	sent := make(chan struct{})
	e := serve(t, func(c net.Conn) {
		<-sent // so that there is something that it does not read
		io.WriteString(c, "up 50%")
	})
	connected, err := provisioned(t, agentAt(e)).Connect(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	defer connected.Close()
	io.WriteString(connected, "state")
	close(sent)
	line, err := readLine(connected)
	if line != "up 50%" || err != nil {
		t.Errorf("got %q, %v", line, err)
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
	tooLong := func(check func(context.Context) error) error {
		return timedOut(t, func(err error) bool { return err.Error() == late }, check)
	}
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
