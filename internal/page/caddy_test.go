package page

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/freeport"
	"github.com/caddy-balance/caddy-balance/internal/process"
)

var update = flag.Bool("update", false, "write the screenshots of the documentation")

// program is the binary of the quickstart, which with arguments is an ordinary caddy.
var program string

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(runTests(m))
}

func runTests(m *testing.M) int {
	folder, err := os.MkdirTemp("", "page")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(folder)
	program = filepath.Join(folder, "quickstart")
	build := exec.Command("go", "build", "-C", filepath.Join("..", ".."), "-o", program, "./examples/quickstart")
	if output, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%v\n%s", err, output)
		return 1
	}
	return m.Run()
}

// proxy is a Caddy in a process of its own, with its admin endpoint at an address of its own.
type proxy struct {
	t       *testing.T
	folder  string
	site    string // the address of the site with the page
	admin   string
	running *process.Process
}

func newProxy(t *testing.T) *proxy {
	t.Helper()
	p := &proxy{t: t, folder: t.TempDir(), site: freeAddress(t), admin: freeAddress(t)}
	t.Cleanup(func() {
		if p.running != nil {
			p.running.Kill()
		}
		if t.Failed() && p.running != nil {
			t.Log(p.running.Output())
		}
	})
	return p
}

func freeAddress(t *testing.T) string {
	t.Helper()
	address, err := freeport.Address()
	if err != nil {
		t.Fatal(err)
	}
	return address
}

func (p *proxy) configFile() string { return filepath.Join(p.folder, "Caddyfile") }

// write writes the Caddyfile.
func (p *proxy) write(text string) {
	p.t.Helper()
	if err := os.WriteFile(p.configFile(), []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// options are the global options of a Caddyfile.
func (p *proxy) options(more string) string {
	return "{\n\tadmin " + p.admin + " {\n\t\torigins " + p.admin + " \"\"\n\t}\n\tauto_https off\n\tskip_install_trust\n" +
		"\tpersist_config off\n\tstorage file_system " + filepath.Join(p.folder, "storage") + "\n\t" + more + "\n}\n"
}

func (p *proxy) start() {
	p.t.Helper()
	var err error
	if p.running, err = process.Start(p.folder, program, "run", "--config", p.configFile()); err != nil {
		p.t.Fatal(err)
	}
	for _, address := range []string{p.admin, p.site} {
		if err := p.running.AwaitListener(context.Background(), "tcp", address); err != nil {
			p.t.Fatal(err, p.running.Output())
		}
	}
}

func (p *proxy) kill() {
	p.running.Kill()
	p.running = nil
}

// reload loads the Caddyfile, even if it is the same.
func (p *proxy) reload() {
	p.t.Helper()
	file, err := os.Open(p.configFile())
	if err != nil {
		p.t.Fatal(err)
	}
	defer file.Close()
	request, err := http.NewRequest(http.MethodPost, "http://"+p.admin+"/load", file)
	if err != nil {
		p.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "text/caddyfile")
	request.Header.Set("Cache-Control", "must-revalidate")
	response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(request)
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	if body, _ := io.ReadAll(response.Body); response.StatusCode != http.StatusOK {
		p.t.Fatalf("%s: %s", response.Status, body)
	}
}

// waitStored waits until Caddy has stored what an operator has decided.
func (p *proxy) waitStored() {
	p.t.Helper()
	pattern := filepath.Join(p.folder, "storage", "balance", "pools", "*", "control-*.json")
	for deadline := time.Now().Add(waitLimit); ; {
		if files, _ := filepath.Glob(pattern); len(files) > 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
		if time.Now().After(deadline) {
			p.t.Fatalf("there is no %s", pattern)
		}
	}
}

// waitForLog waits until Caddy has logged a text.
func (p *proxy) waitForLog(text string) {
	p.t.Helper()
	for deadline := time.Now().Add(waitLimit); !strings.Contains(p.running.Output(), text); {
		time.Sleep(10 * time.Millisecond)
		if time.Now().After(deadline) {
			p.t.Fatalf("not logged: %s\n%s", text, p.running.Output())
		}
	}
}
