package healthprobe

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

// phpFPM starts php-fpm with one worker, and returns it as an endpoint and its folder. The test is
// skipped on a machine without php-fpm.
func phpFPM(t *testing.T) (e *Endpoint, folder string) {
	t.Helper()
	programs, _ := filepath.Glob("/usr/sbin/php-fpm*")
	if len(programs) == 0 {
		t.Skip("php-fpm is not installed")
	}
	folder = caddytest.SocketDir(t)
	socket := filepath.Join(folder, "fpm.sock")
	config := fmt.Sprintf(`
[global]
error_log = %[1]s/log
[www]
listen = %[1]s/fpm.sock
pm = static
pm.max_children = 1
ping.path = /ping
ping.response = pong
`, folder)
	arguments := []string{"-n", "-d", "display_errors=0", "-F", "-y", filepath.Join(folder, "conf")}
	if os.Getuid() == 0 {
		config += "user = root\ngroup = root\n"
		arguments = append(arguments, "-R")
	}
	for name, text := range map[string]string{
		"conf":       config,
		"health.php": "<?php http_response_code((int) $_GET['code']); echo $_SERVER['SCRIPT_NAME'], ' ', $_SERVER['SITE'];",
		"slow.php":   "<?php sleep(30);",
		"fatal.php":  "<?php no_such_function();",
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	fpm := exec.Command(programs[0], arguments...)
	if err := fpm.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { fpm.Process.Signal(syscall.SIGTERM); fpm.Wait() }) // it ends its workers
	caddytest.Eventually(t, time.Minute, "php-fpm listens", func() bool {
		conn, err := net.Dial("unix", socket)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	return &Endpoint{Address: "unix/" + socket}, folder
}

func TestAFastCGIProbeChecksPHP(t *testing.T) {
	e, folder := phpFPM(t)
	site := map[string]string{"SITE": "shop"}
	for i, c := range []struct {
		probe *FastCGIProbe
		want  string
	}{
		{&FastCGIProbe{ExpectBody: "^pong$"}, ""},
		{&FastCGIProbe{URI: "/pong"}, `GET /pong: status 404: "Primary script unknown"`},
		{&FastCGIProbe{URI: "/health.php?code=200", Root: folder, Params: site, ExpectBody: "^/health.php shop$"}, ""},
		{&FastCGIProbe{URI: "/health.php?code=503", Root: folder, Params: site}, "GET /health.php: status 503"},
		{&FastCGIProbe{URI: "/health.php?code=503", Root: folder, ExpectStatus: nil, Params: map[string]string{"QUERY_STRING": "code=204", "SITE": "x"}}, ""},
		{&FastCGIProbe{URI: "/missing.php", Root: folder}, `GET /missing.php: status 404: "Primary script unknown"`},
		{&FastCGIProbe{}, ""},
	} {
		wantError(t, fmt.Sprint(i, " ", c.probe.URI), checked(t, provisioned(t, c.probe), e), c.want)
	}
	err := checked(t, provisioned(t, &FastCGIProbe{URI: "/fatal.php", Root: folder}), e)
	if err == nil || !strings.HasPrefix(err.Error(), "GET /fatal.php: status 500") {
		t.Errorf("a script that ends with an error: %v", err)
	}
	http := checked(t, provisioned(t, &HTTPProbe{}), e)
	if http == nil {
		t.Error("php-fpm speaks HTTP")
	}
}

// The one worker is busy, so the check waits in the queue of php-fpm. It must end in time.
func TestAFastCGIProbeOfABusyPHPTimesOut(t *testing.T) {
	e, folder := phpFPM(t)
	wantTimeout(t, "slow", provisioned(t, &FastCGIProbe{URI: "/slow.php", Root: folder}), e, "GET /slow.php: timed out")
	wantTimeout(t, "busy", provisioned(t, &FastCGIProbe{}), e, "GET /ping: timed out")
}
