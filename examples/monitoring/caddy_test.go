package monitoring

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/caddy-balance/caddy-balance"
	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

// site proxies to two backends, of which one passes its checks and fails every request.
const site = `
http:// {
	bind unix/%s
	reverse_proxy {
		dynamic pool web {
			source static %s
			health {
				probe http /healthz
				interval 100ms
				timeout 1s
			}
			outlier {
				consecutive_failures 3
				max_ejected_percent 50%%
			}
		}
		lb_policy smooth_weighted_round_robin
		lb_retries 1
		lb_retry_match {
			method GET
		}
	}
}
`

// startCaddy runs a Caddy under load until the test ends, and returns the address at which its
// metrics are. Caddy itself listens on sockets.
func startCaddy(t *testing.T) (metrics string) {
	t.Helper()
	c := caddytest.New(t)
	var backends []string
	for i := range 2 {
		backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if i == 1 && r.URL.Path != "/healthz" {
				w.WriteHeader(http.StatusInternalServerError)
			}
		}))
		t.Cleanup(backend.Close)
		backends = append(backends, backend.Listener.Addr().String())
	}
	c.Start(c.GlobalOptions("") + fmt.Sprintf(site, c.SiteSocket(0), strings.Join(backends, " ")))
	t.Cleanup(c.Stop)
	load(t, c.SiteSocket(0))
	server := httptest.NewServer(&httputil.ReverseProxy{
		Transport: caddytest.SingleUseTransport(c.AdminSocket()),
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(&url.URL{Scheme: "http", Host: "admin"}) },
	})
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// load sends requests to a site until the test ends.
func load(t *testing.T, socket string) {
	client := &http.Client{Transport: caddytest.Transport(socket)}
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			for t.Context().Err() == nil {
				if response, err := client.Get("http://site/"); err == nil {
					response.Body.Close()
				}
				time.Sleep(time.Millisecond)
			}
		})
	}
	t.Cleanup(clients.Wait)
}

func get(t *testing.T, address string) string {
	t.Helper()
	response, err := http.Get(address)
	if err != nil {
		return ""
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	return string(body)
}

// awaitTraffic waits until the metrics tell of each kind of attempt, and returns them.
func awaitTraffic(t *testing.T, address string) (text string) {
	t.Helper()
	caddytest.Eventually(t, time.Minute, "requests are in the metrics", func() bool {
		text = get(t, "http://"+address+"/metrics")
		return regexp.MustCompile(`endpoint_attempts_total\{.*outcome="failed",pool="web",reason="status"\} [1-9]`).MatchString(text) &&
			strings.Contains(text, "endpoint_expected_latency_seconds{") &&
			strings.Contains(text, "endpoint_ejections_total{") &&
			strings.Contains(text, "endpoint_checks_total{")
	})
	return text
}

func TestPrometheusReadsTheMetricsOfACaddyUnderLoadWithoutComplaint(t *testing.T) {
	var ours strings.Builder // others' metrics have other habits
	for line := range strings.Lines(awaitTraffic(t, startCaddy(t))) {
		if strings.Contains(line, "caddy_balance_") {
			ours.WriteString(line)
		}
	}
	promtool(t, ours.String(), "check", "metrics")
}

func TestTheRulesAndTheDashboardAskForMetricsThatExist(t *testing.T) {
	text := awaitTraffic(t, startCaddy(t))
	var found []string
	for _, match := range regexp.MustCompile(`(?m)^(caddy_balance_\w+)`).FindAllStringSubmatch(text, -1) {
		found = append(found, match[1])
	}
	asked := strings.Join(queries(t), "\n") + read(t, "alerts.yml")
	for _, name := range regexp.MustCompile(`\bcaddy_balance_\w+`).FindAllString(asked, -1) {
		if !slices.Contains(found, name) {
			t.Errorf("there is no metric %s", name)
		}
	}
}

// TestDebiansPrometheusScrapesACaddyUnderLoad runs it with the config of this example, where the
// target and the interval are others.
func TestDebiansPrometheusScrapesACaddyUnderLoad(t *testing.T) {
	program := installed(t, "prometheus")
	address := startCaddy(t)
	awaitTraffic(t, address)
	dir := t.TempDir()
	config := strings.NewReplacer("127.0.0.1:2019", address, "15s", "1s").Replace(read(t, "prometheus.yml"))
	for name, text := range map[string]string{"prometheus.yml": config, "alerts.yml": read(t, "alerts.yml")} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	api := caddytest.FreeAddress(t)
	prometheus := exec.Command(program, "--config.file="+filepath.Join(dir, "prometheus.yml"), "--web.listen-address="+api,
		"--storage.tsdb.path="+filepath.Join(dir, "data"), "--enable-feature=native-histograms")
	var log strings.Builder
	prometheus.Stderr = &log
	if err := prometheus.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = prometheus.Process.Kill()
		_ = prometheus.Wait()
		if t.Failed() {
			t.Log(log.String())
		}
	}()
	for _, query := range []string{
		`up == 1`,
		`caddy_balance_pool_endpoints{state="healthy"} > 0`,
		`caddy_balance_pool_attempts_total{outcome="worked"} > 0`,
		`histogram_count(caddy_balance_pool_time_to_first_byte_seconds) > 0`, // a native one
		`histogram_quantile(0.9, rate(caddy_balance_endpoint_time_to_first_byte_seconds[10s])) > 0`,
		`pool_endpoint:failures:ratio_rate10m >= 0`, // a rule of ours
	} {
		caddytest.Eventually(t, time.Minute, query, func() bool {
			return strings.Contains(get(t, "http://"+api+"/api/v1/query?query="+url.QueryEscape(query)), `"value":`)
		})
	}
}
