package etcd

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

// patience limits the wait for an event that does not come. It is far more than anything takes.
const patience = time.Minute

// trustAll is for the tests' own connections to etcd.
var trustAll = &tls.Config{InsecureSkipVerify: true}

// server is a real etcd that a test can crash and start again.
type server struct {
	t       *testing.T
	program string
	folder  string
	scheme  string
	address string
	peer    string
	process *exec.Cmd
	client  *clientv3.Client
}

func startServer(t *testing.T) *server {
	t.Helper()
	return startServerOver(t, "http")
}

// startServerOver starts an etcd with http, or with https and a certificate of its own making.
func startServerOver(t *testing.T, scheme string) *server {
	t.Helper()
	s := &server{
		t: t, program: program(t), folder: t.TempDir(), scheme: scheme,
		address: caddytest.FreeAddress(t), peer: caddytest.FreeAddress(t),
	}
	s.start()
	t.Cleanup(s.kill)
	var err error
	s.client, err = clientv3.New(clientv3.Config{Endpoints: []string{s.scheme + "://" + s.address}, TLS: trustAll, Logger: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.client.Close() })
	return s
}

// program returns the path of etcd. It prefers the one that the end-to-end tests have built.
func program(t *testing.T) string {
	t.Helper()
	if cache, err := os.UserCacheDir(); err == nil {
		if built, _ := filepath.Glob(filepath.Join(cache, "caddy-balance", "servers", "etcd-*.*.[0-9]")); len(built) > 0 {
			return built[len(built)-1]
		}
	}
	path, err := exec.LookPath("etcd")
	if err != nil {
		t.Fatalf("%v; install it with: apt-get install etcd-server", err)
	}
	return path
}

func (s *server) start() {
	s.t.Helper()
	url, peer := s.scheme+"://"+s.address, "http://"+s.peer
	s.process = exec.Command(s.program, "--data-dir", filepath.Join(s.folder, "data"),
		"--listen-client-urls", url, "--advertise-client-urls", url,
		"--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", "default="+peer,
		"--log-level", "error", "--heartbeat-interval", "10", "--election-timeout", "100", "--auto-tls="+strconv.FormatBool(s.scheme == "https"))
	s.process.Stderr = s.t.Output()
	if err := s.process.Start(); err != nil {
		s.t.Fatal(err)
	}
	client := http.Client{Transport: &http.Transport{TLSClientConfig: trustAll, DisableKeepAlives: true}}
	for limit := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		answer, err := client.Get(url + "/health")
		if err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return
			}
			err = fmt.Errorf("health: %s", answer.Status)
		}
		if time.Now().After(limit) {
			s.t.Fatal(err)
		}
	}
}

// kill ends etcd without a warning, as in a crash.
func (s *server) kill() {
	_ = s.process.Process.Kill()
	_ = s.process.Wait()
}

// forget deletes the data of an etcd that does not run.
func (s *server) forget() {
	s.t.Helper()
	if err := os.RemoveAll(filepath.Join(s.folder, "data")); err != nil {
		s.t.Fatal(err)
	}
}

func (s *server) put(key, value string, opts ...clientv3.OpOption) {
	s.t.Helper()
	s.must(func(ctx context.Context) error { _, err := s.client.Put(ctx, key, value, opts...); return err })
}

func (s *server) delete(key string) {
	s.t.Helper()
	s.must(func(ctx context.Context) error { _, err := s.client.Delete(ctx, key); return err })
}

func (s *server) must(do func(ctx context.Context) error) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := do(ctx); err != nil {
		s.t.Fatal(err)
	}
}
