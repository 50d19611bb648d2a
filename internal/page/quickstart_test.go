package page

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// startQuickstart starts the quickstart at addresses that are free, and sends requests to it until
// the test ends.
func startQuickstart(t *testing.T) (p *proxy, backends []string) {
	t.Helper()
	p = newProxy(t)
	front := freeAddress(t)
	var replacements []string
	for _, port := range []string{"9001", "9002", "9003"} {
		backends = append(backends, freeAddress(t))
		replacements = append(replacements, port, portOf(backends[len(backends)-1]))
	}
	replacements = append(replacements, "8443", portOf(front), "8444", portOf(p.site))
	adapt := strings.NewReplacer(replacements...).Replace
	list := adapt(read(t, "upstreams.json"))
	if err := os.WriteFile(filepath.Join(p.folder, "upstreams.json"), []byte(list), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("QUICKSTART", p.folder)
	p.write(strings.Replace(adapt(read(t, "Caddyfile")), "{\n", "{\n\tadmin "+p.admin+"\n\tpersist_config off\n", 1))
	p.start()
	sendRequests(t, "https://localhost:"+portOf(front), 4)
	return p, backends
}

func portOf(address string) string { return address[strings.LastIndex(address, ":")+1:] }

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "examples", "quickstart", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// sendRequests sends requests, some at a time, until the test ends. It pauses between them, because
// the browser needs the processors, too.
func sendRequests(t *testing.T, url string, workers int) {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, MaxIdleConnsPerHost: workers}
	stop := make(chan struct{})
	done := make(chan struct{})
	for range workers {
		go func() {
			defer func() { done <- struct{}{} }()
			for {
				select {
				case <-stop:
					return
				case <-time.After(10 * time.Millisecond):
				}
				if response, err := (&http.Client{Transport: transport}).Get(url); err == nil {
					response.Body.Close()
				}
			}
		}()
	}
	t.Cleanup(func() {
		close(stop)
		for range workers {
			<-done
		}
		transport.CloseIdleConnections()
	})
}

func TestThePageRendersTheQuickstart(t *testing.T) {
	p, backends := startQuickstart(t)
	b := openPage(t, "http://localhost:"+portOf(p.site)+"/", 1360, 860)
	b.waitText("h2", "demo")
	b.waitText(".heading .badge", "Healthy")
	b.waitText("#connection", "Live")
	for _, address := range backends {
		b.waitText(row(address), "Healthy")
	}
	b.waitText(".tiles", "3 of 3")
	b.waitFor(`document.querySelector(".tiles div:nth-child(2) dd").innerText > 5`)
	for _, address := range backends {
		b.waitFor(fmt.Sprintf("document.querySelector('%s .share').innerText.match(/[1-9]/)", row(address)))
		b.waitFor(fmt.Sprintf("document.querySelector('%s').innerText.includes(' ms')", row(address)))
	}
	b.wantAccessible("the endpoints")
	b.screenshot("status-page.png")
	for _, tab := range []string{"events", "routes", "sources", "explain"} {
		b.click("#tab-" + tab)
		b.waitFor("!document.querySelector('#panel-" + tab + "').hidden")
		b.wantAccessible(tab)
	}
	b.click("#panel-explain button.primary")
	b.waitText(".explanation", "It would go to")
	b.wantAccessible("an explanation")
	b.click("#tab-endpoints")
	b.click(row(backends[0]) + " .open")
	b.waitText("dialog", "its source gives 1")
	b.wantAccessible("an endpoint")
	b.screenshot("status-page-endpoint.png")
}

func TestThePageIsAccessibleInTheDarkAndOnAPhone(t *testing.T) {
	p, backends := startQuickstart(t)
	b := openPage(t, "http://localhost:"+portOf(p.site)+"/pools/", 390, 844)
	b.emulate("prefers-color-scheme", "dark")
	b.waitText(row(backends[0]), "Healthy")
	b.wantAccessible("the endpoints")
	b.screenshot("status-page-phone.png")
	if wide := eval[bool](b, "document.documentElement.scrollWidth > innerWidth"); wide {
		t.Error("the page is wider than the phone")
	}
	b.click(row(backends[0]) + " .open")
	b.waitText("dialog", "its source gives 1")
	b.wantAccessible("an endpoint")
}

// screenshot writes a picture for the documentation, if that is asked for.
func (b *browser) screenshot(name string) {
	b.t.Helper()
	if !*update {
		return
	}
	b.once.Do(func() { time.Sleep(50 * time.Second) }) // until there is something to see in the last minute
	picture, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join("..", "..", "docs", "images", name), picture, 0o644); err != nil {
		b.t.Fatal(err)
	}
}
