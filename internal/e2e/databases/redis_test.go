package databases

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
	"github.com/caddy-balance/caddy-balance/internal/e2e/servers"
)

// redis is three servers with Sentinels behind the Caddy of examples/redis.
type redis struct {
	*servers.Redis
	t             *testing.T
	writes, reads string // the addresses of Caddy
}

func startRedis(t *testing.T) *redis {
	t.Helper()
	r := &redis{
		t: t, Redis: servers.StartRedis(t, 3), writes: caddytest.FreeAddress(t), reads: caddytest.FreeAddress(t),
	}
	startExample(t, "redis",
		"127.0.0.1:6379", r.writes, "127.0.0.1:6380", r.reads,
		"10.0.0.1:6379", r.Members[0].Address, "10.0.0.2:6379", r.Members[1].Address, "10.0.0.3:6379", r.Members[2].Address,
		"10.0.0.1:26379", r.sentinel(0), "10.0.0.2:26379", r.sentinel(1), "10.0.0.3:26379", r.sentinel(2))
	return r
}

func (r *redis) sentinel(member int) string {
	return net.JoinHostPort(r.Members[member].Host, r.SentinelPort)
}

// redisClient is a session. It sends inline commands, which need no library.
type redisClient struct {
	net.Conn
	lines *bufio.Reader
}

func connectRedis(address string) (*redisClient, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	return &redisClient{conn, bufio.NewReader(conn)}, nil
}

// ask returns the first line of the answer to a command.
func (c *redisClient) ask(command string) (string, error) {
	if _, err := fmt.Fprintf(c, "%s\r\n", command); err != nil {
		return "", err
	}
	line, err := c.lines.ReadString('\n')
	return strings.TrimSpace(line), err
}

// bulk returns the text of an answer that has one.
func (c *redisClient) bulk(command string) (string, error) {
	if line, err := c.ask(command); err != nil || !strings.HasPrefix(line, "$") {
		return line, err
	}
	line, err := c.lines.ReadString('\n')
	return strings.TrimSpace(line), err
}

// mustWrite waits until a new session takes a write, and returns the address of its server.
func (r *redis) mustWrite(want *servers.RedisServer) *redisClient {
	r.t.Helper()
	var c *redisClient
	eventually(r.t, "a write at "+want.Host, func() bool {
		var err error
		if c, err = connectRedis(r.writes); err != nil {
			return false
		}
		host, err := c.bulk("CONFIG GET bind")
		if err == nil {
			host, err = r.lastOfConfig(c, host)
		}
		if answer, _ := c.ask("SET key value"); err == nil && answer == "+OK" && host == want.Host {
			return true
		}
		c.Close()
		return false
	})
	r.t.Cleanup(func() { c.Close() })
	return c
}

// lastOfConfig reads the rest of an answer to CONFIG GET, which is a list of a name and a value.
func (r *redis) lastOfConfig(c *redisClient, first string) (value string, err error) {
	if first != "*2" {
		return "", fmt.Errorf("the answer is %q", first)
	}
	for range 4 { // two lengths and two texts
		if value, err = c.lines.ReadString('\n'); err != nil {
			return "", err
		}
	}
	return strings.TrimSpace(value), nil
}

func TestRedisWritesReachThePrimaryThatTheSentinelsNameAndReadsTheReplicas(t *testing.T) {
	r := startRedis(t)
	r.mustWrite(r.Members[0])
	eventually(t, "reads at both replicas", func() bool {
		seen := make(map[string]bool)
		for range 4 {
			c, err := connectRedis(r.reads)
			if err != nil {
				return false
			}
			defer c.Close()
			first, err := c.ask("CONFIG GET bind")
			if err == nil {
				first, err = r.lastOfConfig(c, first)
			}
			if value, _ := c.bulk("GET key"); err != nil || value != "value" {
				return false
			}
			seen[first] = true
		}
		return seen[r.Members[1].Host] && seen[r.Members[2].Host] && len(seen) == 2
	})
}

// The former primary says again that it is one, until it hears from the others.
func TestRedisWhosePrimaryHangsIsWrittenAtTheNextPrimaryOnly(t *testing.T) {
	r := startRedis(t)
	former := r.Members[0]
	session := r.mustWrite(former)
	former.Freeze()
	if _, err := session.lines.ReadByte(); err == nil {
		t.Error("the session goes on")
	}
	next, named := r.primary(former)
	r.mustWrite(next)
	t.Logf("%s is written to %s after the Sentinels have named it", next.Host, time.Since(named).Round(time.Millisecond))
	former.Thaw()
	for range 20 {
		r.mustWrite(next).Close()
	}
	if n := inFlight("redis-primary", former.Address); n != 0 {
		t.Errorf("%d connections are at the former primary", n)
	}
}

func TestRedisWhosePrimaryIsKilledIsWrittenAtTheNextPrimary(t *testing.T) {
	r := startRedis(t)
	r.mustWrite(r.Members[0])
	r.Members[0].Kill()
	next, named := r.primary(r.Members[0])
	r.mustWrite(next)
	t.Logf("%s is written to %s after the Sentinels have named it", next.Host, time.Since(named).Round(time.Millisecond))
}

// primary waits until the second Sentinel names another primary than the former one.
func (r *redis) primary(former *servers.RedisServer) (found *servers.RedisServer, at time.Time) {
	r.t.Helper()
	eventually(r.t, "the next primary", func() bool {
		ctx, cancel := context.WithTimeout(r.t.Context(), time.Second)
		defer cancel()
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", r.sentinel(1))
		if err != nil {
			return false
		}
		defer conn.Close()
		c := &redisClient{conn, bufio.NewReader(conn)}
		if _, err := c.ask("SENTINEL get-master-addr-by-name mymaster"); err != nil {
			return false
		}
		_, _ = c.lines.ReadString('\n') // the length
		host, _ := c.lines.ReadString('\n')
		for _, m := range r.Members {
			if m != former && m.Host == strings.TrimSpace(host) {
				found, at = m, time.Now()
			}
		}
		return found != nil
	})
	return found, at
}
