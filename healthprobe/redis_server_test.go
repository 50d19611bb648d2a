package healthprobe

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
	"github.com/caddy-balance/caddy-balance/internal/process"
)

// startRedis starts a real server, or a Sentinel, with lines of its configuration.
func startRedis(t *testing.T, config string, args ...string) (*process.Process, *Endpoint) {
	t.Helper()
	program, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("redis-server is not installed")
	}
	dir, address := t.TempDir(), caddytest.FreeAddress(t)
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "redis.conf")
	lines := fmt.Sprintf("bind 127.0.0.1\nport %s\ndir %s\n%s\n", port, dir, config)
	if err := os.WriteFile(file, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := process.Start(dir, program, append([]string{file}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := p.AwaitListener(ctx, "tcp", address); err != nil {
		t.Fatalf("%v\n%s", err, p.Output())
	}
	return p, &Endpoint{Address: address}
}

// tell sends a command to a real server.
func tell(t *testing.T, e *Endpoint, words ...string) {
	t.Helper()
	c, err := net.Dial("tcp", e.Address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := newRedisSession(c).command(t.Context(), words...); err != nil {
		t.Fatal(err)
	}
}

func TestRealServersOfRedis(t *testing.T) {
	t.Run("a password", func(t *testing.T) {
		_, e := startRedis(t, `save ""
requirepass the-right-one
user caddy on >the-one-of-caddy +ping +role
user powerless on >the-one-without-rights +ping`)
		for name, c := range map[string]struct {
			probe *RedisProbe
			want  string
		}{
			"none":       {&RedisProbe{}, `PING: the answer is the error "NOAUTH Authentication required."`},
			"wrong":      {&RedisProbe{Password: "the-wrong-one"}, `AUTH: the answer is the error "WRONGPASS"`},
			"right":      {&RedisProbe{Password: "the-right-one", Role: "primary"}, ""},
			"of a user":  {&RedisProbe{Username: "caddy", Password: "the-one-of-caddy", Role: "primary"}, ""},
			"other user": {&RedisProbe{Username: "caddy", Password: "the-right-one"}, `AUTH: the answer is the error "WRONGPASS"`},
		} {
			wantError(t, name, checked(t, provisioned(t, c.probe), e), c.want)
		}
		powerless := provisioned(t, &RedisProbe{Username: "powerless", Password: "the-one-without-rights", Role: "primary"})
		if err := checked(t, powerless, e); err == nil || !strings.HasPrefix(err.Error(), `ROLE: the answer is the error "NOPERM`) {
			t.Error(err)
		}
	})
	t.Run("a role changes", func(t *testing.T) {
		_, a := startRedis(t, `save ""`)
		p, b := startRedis(t, `save ""`)
		primary, replica := provisioned(t, &RedisProbe{Role: "primary"}), provisioned(t, &RedisProbe{Role: "replica"})
		host, port, _ := net.SplitHostPort(a.Address)
		wantError(t, "before", checked(t, primary, b), "")
		tell(t, b, "REPLICAOF", host, port)
		wantError(t, "after", checked(t, primary, b), `the role is "slave", not primary`)
		wantError(t, "after", checked(t, replica, b), "")
		wantError(t, "after", checked(t, replica, a), `the role is "master", not replica`)
		if err := p.Suspend(); err != nil {
			t.Fatal(err)
		}
		wantTimeout(t, "it hangs", replica, b, "PING: timed out")
		if err := p.Resume(); err != nil {
			t.Fatal(err)
		}
		wantError(t, "it goes on", checked(t, replica, b), "")
	})
	t.Run("Sentinels", func(t *testing.T) {
		a, primary := startRedis(t, `save ""`)
		host, port, _ := net.SplitHostPort(primary.Address)
		_, other := startRedis(t, fmt.Sprintf("save \"\"\nreplicaof %s %s\nrepl-ping-replica-period 1", host, port))
		var sentinels []string
		for range 3 {
			_, s := startRedis(t, fmt.Sprintf("sentinel monitor mymaster %s %s 2\nsentinel down-after-milliseconds mymaster 500\n"+
				"sentinel failover-timeout mymaster 2000", host, port), "--sentinel")
			sentinels = append(sentinels, s.Address)
		}
		probe := provisioned(t, &RedisProbe{Role: "primary", Sentinels: sentinels})
		wantError(t, "the primary", checked(t, probe, primary), "")
		wantError(t, "its replica", checked(t, probe, other), `the role is "slave", not primary`)
		unknown := provisioned(t, &RedisProbe{Role: "primary", Sentinels: sentinels, SentinelName: "other"})
		wantError(t, "unknown", checked(t, unknown, primary), `the Sentinels know no primary "other"`)
		caddytest.Eventually(t, time.Minute, "the Sentinels know the replica", func() bool {
			c, err := net.Dial("tcp", sentinels[0])
			if err != nil {
				return false
			}
			defer c.Close()
			answer, err := newRedisSession(c).command(t.Context(), "SENTINEL", "CKQUORUM", "mymaster")
			return err == nil && len(answer) > 0 && strings.HasPrefix(answer[0], "OK 3")
		})
		if err := a.Suspend(); err != nil {
			t.Fatal(err)
		}
		caddytest.Eventually(t, time.Minute, "the replica is the primary", func() bool { return checked(t, probe, other) == nil })
		if err := a.Resume(); err != nil {
			t.Fatal(err)
		}
		if err := checked(t, probe, primary); err == nil {
			t.Error("the former primary passes")
		}
	})
}
