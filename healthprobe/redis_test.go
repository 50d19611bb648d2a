package healthprobe

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

// redisSaying answers each command of Redis by its name. A command without an answer hangs.
func redisSaying(answers map[string]string) func(net.Conn) {
	return func(c net.Conn) {
		lines := bufio.NewReader(c)
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				return
			}
			name := strings.TrimSpace(line)
			if answer, ok := answers[name]; ok {
				io.WriteString(c, answer)
			}
		}
	}
}

// sentinelNaming answers as a Sentinel that knows the primary.
func sentinelNaming(t *testing.T, address string) string {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	answer := fmt.Sprintf("*2\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n", len(host), host, len(port), port)
	return serve(t, redisSaying(map[string]string{"SENTINEL": answer})).Address
}

const (
	saysMaster = "*3\r\n$6\r\nmaster\r\n:100\r\n*0\r\n"
	saysSlave  = "*5\r\n$5\r\nslave\r\n$9\r\n127.0.0.1\r\n:6379\r\n$9\r\nconnected\r\n:100\r\n"
)

func TestARedisProbeUnderstandsAnswers(t *testing.T) {
	verifyNoLeaks(t)
	long := strings.Repeat("x", 5000)
	for _, c := range []struct {
		role, ping, roleAnswer, want string
	}{
		{"", "+PONG\r\n", "", ""},
		{"", "$4\r\nPONG\r\n", "", ""},
		{"", "+NO\r\n", "", `PING: the answer is "NO", not PONG`},
		{"", "-LOADING Redis is loading\r\n", "", `PING: the answer is the error "LOADING Redis is loading"`},
		{"", "-" + long[:200] + "\r\n", "", `PING: the answer is the error "` + long[:100] + `"`},
		{"", "+" + long + "\r\n", "", "PING: the answer is not one of Redis"},
		{"", "$2147483647\r\n", "", "PING: the answer is not one of Redis"},
		{"", "HTTP/1.1 400 Bad Request\r\n", "", "PING: the answer is not one of Redis"},
		{"", "\r\n", "", "PING: the answer is not one of Redis"},
		{"", "$-1\r\n", "", `PING: the answer is "", not PONG`},
		{"primary", "+PONG\r\n", saysMaster, ""},
		{"replica", "+PONG\r\n", saysSlave, ""},
		{"replica", "+PONG\r\n", saysMaster, `the role is "master", not replica`},
		{"primary", "+PONG\r\n", saysSlave, `the role is "slave", not primary`},
		{"primary", "+PONG\r\n", "*0\r\n", `the role is "", not primary`},
		{"primary", "+PONG\r\n", "*9999999999999\r\n*1\r\n", `the role is "", not primary`},
		{"primary", "+PONG\r\n", "-NOPERM no permission\r\n", `ROLE: the answer is the error "NOPERM no permission"`},
	} {
		probe := provisioned(t, &RedisProbe{Role: c.role})
		e := serve(t, redisSaying(map[string]string{"PING": c.ping, "ROLE": c.roleAnswer}))
		wantError(t, c.ping+c.roleAnswer, checked(t, probe, e), c.want)
	}
}

func TestARedisProbeFailsIfTheServerHangsClosesOrRefuses(t *testing.T) {
	verifyNoLeaks(t)
	probe := provisioned(t, &RedisProbe{Role: "primary"})
	wantTimeout(t, "hangs", probe, serve(t, hangs), "PING: timed out")
	wantTimeout(t, "hangs later", probe, serve(t, redisSaying(map[string]string{"PING": "+PONG\r\n"})), "ROLE: timed out")
	wantError(t, "refuses", checked(t, probe, refusing(t)), "connecting: connection refused")
	closes := serve(t, func(c net.Conn) { c.Read(make([]byte, 4096)) })
	wantError(t, "closes", checked(t, probe, closes), "PING: the connection was closed before the answer was complete")
}

func TestARedisProbeBelievesTheMajorityOfTheSentinels(t *testing.T) {
	verifyNoLeaks(t)
	primary := serve(t, redisSaying(map[string]string{"PING": "+PONG\r\n", "ROLE": saysMaster}))
	replica := serve(t, redisSaying(map[string]string{"PING": "+PONG\r\n", "ROLE": saysSlave}))
	yes, no := sentinelNaming(t, primary.Address), sentinelNaming(t, "10.0.0.9:6379")
	nothing := serve(t, redisSaying(map[string]string{"SENTINEL": "*-1\r\n"})).Address
	locked := serve(t, redisSaying(map[string]string{"SENTINEL": "-NOAUTH Authentication required.\r\n"})).Address
	silent, gone := serve(t, hangs).Address, refusing(t).Address
	for name, c := range map[string]struct {
		e         *Endpoint
		role      string
		sentinels []string
		want      string
	}{
		"all name it":               {primary, "primary", []string{yes, yes, yes}, ""},
		"one is silent":             {primary, "primary", []string{silent, yes, yes}, ""},
		"one has not heard":         {primary, "primary", []string{no, yes, yes}, ""},
		"the majority is elsewhere": {primary, "primary", []string{no, no, yes}, `the Sentinels name "10.0.0.9:6379" as the primary`},
		"a replica":                 {replica, "replica", []string{yes}, ""},
		"a replica is named":        {replica, "replica", []string{sentinelNaming(t, replica.Address)}, `the Sentinels name "` + replica.Address + `" as the primary`},
		"none knows the name":       {primary, "primary", []string{nothing}, `the Sentinels know no primary "mymaster"`},
		"a password is missing":     {primary, "primary", []string{locked}, `sentinels: SENTINEL: the answer is the error "NOAUTH Authentication required."`},
	} {
		err := checked(t, provisioned(t, &RedisProbe{Role: c.role, Sentinels: c.sentinels}), c.e)
		wantError(t, name, err, c.want)
	}
	for name, sentinels := range map[string][]string{
		"gone": {gone, gone, gone}, "half": {yes, gone}, "split": {yes, no}, "silent": {yes, silent, silent},
	} {
		isWanted := func(err error) bool { return errors.Is(err, ErrInconclusive) }
		err := checkedTooLong(t, provisioned(t, &RedisProbe{Role: "primary", Sentinels: sentinels}), primary, isWanted)
		if !isWanted(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestMistakesOfARedisProbeAreRefused(t *testing.T) {
	wantRefused(t, map[string]*RedisProbe{
		`role: "master"; expected primary or replica`:                                                      {Role: "master"},
		"password: is missing; username is set":                                                            {Username: "caddy"},
		"password: evaluated placeholder {env.REDIS_NONE} is empty":                                        {Password: "{env.REDIS_NONE}"},
		"sentinels: is missing; an option of Sentinels is set":                                             {SentinelName: "a"},
		"role: is missing; sentinels is set":                                                               {Sentinels: []string{"a:1"}},
		"sentinels: there are 16; expected 15 or fewer":                                                    {Role: "primary", Sentinels: slices.Repeat([]string{"a:1"}, 16)},
		`sentinels: a: upstream: address: "a" has no port; expected a host and port such as 10.0.0.7:8080`: {Role: "primary", Sentinels: []string{"a"}},
	})
}

// A server that does not know AUTH, such as a proxy, repeats its arguments.
func TestAPasswordOfRedisShowsInNoError(t *testing.T) {
	t.Setenv("REDIS_PASSWORD", caddytest.Canary)
	echo := func(c net.Conn) {
		buffer := make([]byte, 4096)
		n, _ := c.Read(buffer)
		fmt.Fprintf(c, "-ERR unknown command, with args beginning with: %q\r\n", buffer[:n])
	}
	probe := provisioned(t, &RedisProbe{Username: "caddy", Password: "{env.REDIS_PASSWORD}"})
	wantError(t, "endpoint", checked(t, probe, serve(t, echo)), `AUTH: the answer is the error "ERR"`)

	primary := serve(t, redisSaying(map[string]string{"PING": "+PONG\r\n", "ROLE": saysMaster}))
	probe = provisioned(t, &RedisProbe{
		Role: "primary", Sentinels: []string{serve(t, echo).Address}, SentinelPassword: caddytest.Canary,
	})
	wantError(t, "Sentinel", checked(t, probe, primary), `sentinels: AUTH: the answer is the error "ERR"`)
}

func FuzzRedisAnswer(f *testing.F) {
	for _, seed := range []string{"+PONG\r\n", saysMaster, saysSlave, "$-1\r\n", "*-1\r\n", "*2\r\n$1\r\na\r\n:1\r\n", "-ERR a\r\n", "$99999999999999999999\r\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		session := newRedisSession(struct {
			io.Reader
			io.Writer
		}{strings.NewReader(text), io.Discard})
		answer, err := session.command(context.Background(), "ROLE")
		if err != nil && len(answer) > 0 || len(answer) > maxRedisStrings {
			t.Errorf("%q, %v", answer, err)
		}
		for _, s := range answer {
			if len(s) > maxRedisString {
				t.Errorf("%d bytes", len(s))
			}
		}
	})
}
