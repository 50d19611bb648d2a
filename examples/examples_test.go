// Package examples runs examples as their READMEs say, with a real Caddy on free ports.
package examples

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/caddy-balance/caddy-balance"
	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

func TestMain(m *testing.M) { os.Exit(caddytest.RunIsolated(m)) }

// run starts the Caddy of an example until the test ends.
func run(t *testing.T, name string) *caddytest.Example {
	t.Helper()
	c := caddytest.New(t)
	e := c.Example(filepath.Join(name, "Caddyfile"))
	c.Start(e.Text)
	t.Cleanup(c.Stop)
	return e
}

// ask sends a request, and returns the status and the text of the answer.
func ask(t *testing.T, c *http.Client, method, target string) (status int, text string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, target, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := c.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, strings.TrimSpace(string(data))
}

func TestGateway(t *testing.T) {
	base := "http://" + strings.Replace(run(t, "gateway").Address("8080"), "127.0.0.1", "localhost", 1)
	jar, _ := cookiejar.New(nil)
	client := &http.Client{Jar: jar}
	answers := func(path string, n int) map[string]int {
		found := make(map[string]int)
		for range n {
			status, text := ask(t, client, http.MethodGet, base+path)
			if status != http.StatusOK {
				t.Fatalf("%s: %d %s", path, status, text)
			}
			found[text]++
		}
		return found
	}
	if found := answers("/users/42", 20); found["users-1 /42"]+found["users-2 /42"] != 20 {
		t.Errorf("users: %v", found)
	}
	if found := answers("/carts/7", 20); found["carts-1 /7"] != 20 && found["carts-2 /7"] != 20 {
		t.Errorf("carts: %v", found)
	}
	for n := range 5 {
		if found := answers(fmt.Sprintf("/pictures/%d.png", n), 5); len(found) != 1 {
			t.Errorf("pictures: %v", found)
		}
	}
	status, text := ask(t, client, http.MethodGet, base+"/orders/1")
	if want := `{"status": 404, "error": "Not Found"}`; status != http.StatusNotFound || text != want {
		t.Errorf("no service: %d %s", status, text)
	}
}

// The message of such an error has quotes, which must not end a text in JSON.
func TestErrorsOfTheGatewayAreJSONWithoutAddresses(t *testing.T) {
	c := caddytest.New(t)
	e := c.Example("gateway/Caddyfile")
	for _, port := range []string{"9111", "9112"} {
		caddytest.ServeAt(t, e.Address(port), func(conn net.Conn) { _, _ = io.WriteString(conn, "garbage\r\n\r\n") })
	}
	sites, _, _ := strings.Cut(e.Text, "# The services answer")
	c.Start(sites)
	t.Cleanup(c.Stop)
	base := "http://" + strings.Replace(e.Address("8080"), "127.0.0.1", "localhost", 1)
	status, text := ask(t, http.DefaultClient, http.MethodGet, base+"/users/1")
	var answer struct {
		Status int
		Error  string
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	if status != http.StatusBadGateway || answer.Status != status || strings.Contains(text, "127.0.0.1") {
		t.Errorf("got %d %s", status, text)
	}
}

func TestGRPC(t *testing.T) {
	base := "https://" + strings.Replace(run(t, "grpc").Address("8444"), "127.0.0.1", "localhost", 1)
	transport := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	t.Cleanup(transport.CloseIdleConnections)
	found := make(map[string]int)
	caddytest.Eventually(t, time.Minute, "the certificate is there", func() bool {
		_, err := tls.Dial("tcp", strings.TrimPrefix(base, "https://"), transport.TLSClientConfig)
		return err == nil
	})
	for range 12 {
		request, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, base+"/greet.Greeter/Hello", http.NoBody)
		request.Header.Set("Content-Type", "application/grpc")
		response, err := transport.RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.ProtoMajor != 2 || response.Header.Get("Grpc-Status") != "0" {
			t.Fatalf("%s: %v", response.Proto, response.Header)
		}
		found[response.Header.Get("Backend")]++
	}
	if found["one"] != 4 || found["two"] != 4 || found["three"] != 4 {
		t.Errorf("of twelve calls the backends got %v", found)
	}
}

func TestEgress(t *testing.T) {
	dir := caddytest.SocketDir(t)
	t.Setenv("EGRESS_SOCKET", filepath.Join(dir, "socket"))
	t.Setenv("EGRESS_LISTS", dir)
	list := func(service string, addresses ...string) {
		text := `["` + strings.Join(addresses, `", "`) + `"]`
		if err := os.WriteFile(filepath.Join(dir, service+".json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	list("users")
	list("orders")
	e := run(t, "egress")
	list("users", e.Address("9121"), caddytest.FreeAddress(t)) // nothing listens at the second
	list("orders", e.Address("9123"))

	proxy, _ := url.Parse("http://" + e.Address("8180"))
	transport := &http.Transport{Proxy: http.ProxyURL(proxy)}
	t.Cleanup(transport.CloseIdleConnections)
	client := &http.Client{Transport: transport}
	serves := func(name, want string) {
		t.Helper()
		caddytest.Eventually(t, time.Minute, want+" serves", func() bool {
			_, text := ask(t, client, http.MethodGet, name)
			return text == want
		})
	}
	serves("http://users.internal/42", "users-1 /42")
	serves("http://orders.internal/7", "orders-1 /7")
	for range 30 {
		if status, text := ask(t, client, http.MethodGet, "http://users.internal/"); status != http.StatusOK {
			t.Fatalf("%d %s", status, text)
		}
	}
	if status, _ := ask(t, client, http.MethodGet, "http://example.com/"); status != http.StatusBadGateway {
		t.Errorf("another host got %d", status)
	}
	if _, err := client.Get("https://users.internal/42"); err == nil || !strings.Contains(err.Error(), "Method Not Allowed") {
		t.Errorf("a tunnel to a service: %v; expected that its method is not allowed", err)
	}
	list("users", e.Address("9122"))
	serves("http://users.internal/42", "users-2 /42")

	// On a busy machine it takes minutes to compile the client for the first time.
	out, err := exec.CommandContext(t.Context(), "go", "run", "./egress/client").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "200 OK: users-2 /42") {
		t.Errorf("the client says %q (%v)", out, err)
	}
	lines, err := os.ReadFile("egress/client/main.go")
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("egress/README.md")
	if err != nil {
		t.Fatal(err)
	}
	const dial = `	DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {`
	if !strings.Contains(string(lines), dial) || !strings.Contains(string(readme), dial) {
		t.Error("the README shows other lines than the client has")
	}
}
