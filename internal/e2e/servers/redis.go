package servers

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Redis is a primary, its replicas, and a Sentinel beside each, which elect the primary. They have
// the same ports at 127.0.0.1, 127.0.0.2 and so on.
type Redis struct {
	Members            []*RedisServer
	Port, SentinelPort string
}

// RedisServer is one server. It ends as a machine does: together with its Sentinel.
type RedisServer struct {
	Host    string
	Address string
	redis   *Process
	watch   *Process
}

// StartRedis starts this many servers, the first of which is the primary. They run until the test
// ends.
func StartRedis(t testing.TB, size int) *Redis {
	t.Helper()
	program, err := installed("redis-server", "redis-server")
	if err != nil {
		t.Fatal(err)
	}
	ports := freePorts(t, size, 2)
	c := &Redis{Port: ports[0], SentinelPort: ports[1]}
	start := func(name, host, port, config string, args ...string) *Process {
		address := net.JoinHostPort(host, port)
		return Run(t, Plan{
			Name: name,
			Prepare: func(data string) error {
				lines := fmt.Sprintf("bind %s\nport %s\ndir %s\n%s\n", host, port, data, config)
				if err := os.WriteFile(filepath.Join(data, "redis.conf"), []byte(lines), 0o600); err != nil {
					return err
				}
				return giveTo("redis", data)
			},
			Command: func(data string) *exec.Cmd {
				return contained("redis", append([]string{program, filepath.Join(data, "redis.conf")}, args...)...)
			},
			Ready: func(ctx context.Context) error { return expectAnswer(ctx, address, "PING", "+PONG") },
		})
	}
	for i := range size {
		m := &RedisServer{Host: hostNumber(i), Address: net.JoinHostPort(hostNumber(i), c.Port)}
		config := "save \"\"\nrepl-diskless-sync-delay 0\nrepl-ping-replica-period 1\nreplica-announce-ip " + m.Host
		if i > 0 {
			config += fmt.Sprintf("\nreplicaof %s %s", hostNumber(0), c.Port)
		}
		m.redis = start("redis", m.Host, c.Port, config)
		c.Members = append(c.Members, m)
	}
	for _, m := range c.Members {
		m.watch = start("sentinel", m.Host, c.SentinelPort, fmt.Sprintf("sentinel monitor mymaster %s %s %d\n"+
			"sentinel down-after-milliseconds mymaster 1000\nsentinel failover-timeout mymaster 3000\n"+
			"sentinel announce-ip %s\nsentinel announce-port %s",
			hostNumber(0), c.Port, size/2+1, m.Host, c.SentinelPort), "--sentinel")
	}
	c.awaitSentinels(t)
	return c
}

// awaitSentinels waits until each Sentinel knows all others, because they elect nothing before.
func (c *Redis) awaitSentinels(t testing.TB) {
	t.Helper()
	want := fmt.Sprintf("+OK %d usable Sentinels", len(c.Members))
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		var err error
		for _, m := range c.Members {
			if err == nil {
				sentinel := net.JoinHostPort(m.Host, c.SentinelPort)
				err = expectAnswer(t.Context(), sentinel, "SENTINEL CKQUORUM mymaster", want)
			}
		}
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// Kill ends the server and its Sentinel.
func (m *RedisServer) Kill() { m.redis.Kill(); m.watch.Kill() }

// Freeze stops the server and its Sentinel, as if their machine hung.
func (m *RedisServer) Freeze() { m.redis.Freeze(); m.watch.Freeze() }

// Thaw lets them go on.
func (m *RedisServer) Thaw() { m.redis.Thaw(); m.watch.Thaw() }

// expectAnswer sends a command, and returns an error unless the answer begins with a text.
func expectAnswer(ctx context.Context, address, command, want string) error {
	c, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Second))
	if _, err := fmt.Fprintf(c, "%s\r\n", command); err != nil {
		return err
	}
	answer, err := bufio.NewReader(c).ReadString('\n')
	if err == nil && !strings.HasPrefix(answer, want) {
		err = fmt.Errorf("%s: %q", command, answer)
	}
	return err
}
