package page

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// heldBackend is a backend whose answers wait until they are released.
type heldBackend struct {
	address string
	arrived chan struct{}
	release chan struct{}
}

func startHeldBackend(t *testing.T) *heldBackend {
	t.Helper()
	b := &heldBackend{arrived: make(chan struct{}, 10), release: make(chan struct{})}
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		b.arrived <- struct{}{}
		<-b.release
	}))
	t.Cleanup(server.Close)
	b.address = server.Listener.Addr().String()
	return b
}

// limitedSite has a pool with limits, groups and sessions. Of the backends, the first one is of
// version v1, the second of v2, and so on.
func (p *proxy) limitedSite(limits string, backends ...string) string {
	var endpoints strings.Builder
	for i, address := range backends {
		fmt.Fprintf(&endpoints, "\t\t\t\tendpoint %s {\n\t\t\t\t\tmetadata version v%d\n\t\t\t\t}\n", address, i+1)
	}
	return fmt.Sprintf(`http://%s {
	%s
	reverse_proxy {
		dynamic pool web {
			source static {
%s			}
			%s
		}
		lb_policy split {
			group stable version=v1 {
				policy sticky {
					client_ip
				}
			}
			group canary version=v2 10%%
			force header X-Version
			guard
		}
	}
}
`, p.site, withControl, &endpoints, limits)
}

// request sends a request to the site, and returns a channel that gets its status.
func (p *proxy) request(headers ...string) chan int {
	p.t.Helper()
	status := make(chan int, 1)
	r, err := http.NewRequest(http.MethodGet, "http://"+p.site+"/", http.NoBody)
	if err != nil {
		p.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	go func() {
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			status <- 0
			return
		}
		response.Body.Close()
		status <- response.StatusCode
	}()
	return status
}

func gauge(name string) string { return fmt.Sprintf("[data-gauge=%q]", name) }

func TestThePageShowsAQueueThatFillsAndEmpties(t *testing.T) {
	t.Parallel()
	p, held := newProxy(t), startHeldBackend(t)
	p.write(p.options("") + p.limitedSite(
		"max_in_flight 2\nqueue 2 1h {\nclass {header.X-Priority}\n}\nretry_budget 20% 10", held.address))
	p.start()
	b := openPage(t, p.page(), 1360, 860)
	b.waitText(gauge("places"), "0 of 2")
	b.waitText(gauge("queue"), "0 of 2")
	b.waitText(gauge("retries"), "100")
	var answers []chan int
	for range 2 {
		answers = append(answers, p.request())
		<-held.arrived
	}
	b.waitText(gauge("places"), "2 of 2")
	b.waitText(gauge("places"), "full")
	b.waitText(gauge("sessions client_ip"), "1 of 100,000")
	answers = append(answers, p.request())
	b.waitText(gauge("queue"), "1 of 2")
	answers = append(answers, p.request("X-Priority", "critical"))
	b.waitText(gauge("queue"), "1 critical, 1 normal")
	if status := <-p.request(); status != http.StatusServiceUnavailable {
		t.Errorf("a request beyond the queue got status %d", status)
	}
	b.waitText(gauge("shed"), "1")
	for _, theme := range []string{"light", "dark"} {
		b.emulate("prefers-color-scheme", theme)
		b.wantAccessible("a full queue in the " + theme)
	}
	b.click("#tab-explain")
	b.click("#panel-explain button.primary")
	b.waitText(".explanation", "It would be refused with 503: 2 requests in flight, and max_in_flight is 2; the queue is full, with 2 requests")
	b.wantAccessible("a refusal explained")
	close(held.release)
	for _, status := range answers {
		if got := <-status; got != http.StatusOK {
			t.Errorf("a request that waited got status %d", got)
		}
	}
	b.waitText(gauge("queue"), "0 of 2")
	b.waitText(gauge("places"), "0 of 2")
}

// group returns the selector of the row of a group.
func group(name string) string { return fmt.Sprintf("tr[data-group=%q]", name) }

func TestAnOperatorSetsAShareByClickAndUndoesIt(t *testing.T) {
	t.Parallel()
	p := newProxy(t)
	p.write(p.options("") + p.limitedSite("",
		startBackend(t).address, startBackend(t).address, startBackend(t).address))
	p.start()
	b := openPage(t, p.page(), 1360, 860)
	b.waitText(group("canary"), "10 %")
	b.waitText(group("canary"), "Too few answers")
	b.waitText(group("stable"), "gets what the others leave")
	b.waitText(".split .warning", "1 endpoint is in no group and gets no requests.")
	b.click(group("canary") + " button")
	b.waitText("dialog h2", "Share of canary")
	b.wantAccessible("the share of a group")
	eval[bool](b, "document.querySelector('dialog [name=share]').value = 25, document.querySelector('dialog [name=reason]').value = 'looks good', true")
	b.click("dialog button.primary")
	b.holdMessage()
	b.waitText(group("canary"), "25 %")
	b.waitText(group("canary"), "looks good")
	b.waitText(group("canary"), "by the config: 10 %")
	b.waitText(group("stable"), "75 %")
	b.wantAccessible("a share that was set")
	b.click(".toast button")
	b.waitText(group("stable"), "90 %")
	b.waitFor("!document.querySelector('" + group("canary") + "').innerText.includes('set by')")
}

func TestAShareThatIsTooMuchIsRefusedInTheDialogAndTheConfigsReturns(t *testing.T) {
	t.Parallel()
	p := newProxy(t)
	p.write(p.options("") + p.limitedSite("", startBackend(t).address, startBackend(t).address))
	p.start()
	b := openPage(t, p.page(), 390, 844)
	b.emulate("prefers-color-scheme", "dark")
	b.waitText(group("canary"), "10 %")
	b.wantAccessible("groups on a phone")
	if wide := eval[bool](b, "document.documentElement.scrollWidth > innerWidth"); wide {
		t.Error("the page is wider than the phone")
	}
	b.click(group("canary") + " button")
	b.expect("400")
	eval[bool](b, "document.querySelector('dialog [name=share]').removeAttribute('max'), document.querySelector('dialog [name=share]').value = 101, true")
	b.click("dialog button.primary")
	b.waitText("dialog .refusal", "101 is not between 0 and 100")
	eval[bool](b, "document.querySelector('dialog [name=share]').value = 0, true")
	b.click("dialog button.primary")
	b.waitText(group("stable"), "100 %")
	b.click(group("canary") + " button:last-child")
	b.waitText("dialog h2", "Use the share of the config for canary?")
	b.click("dialog button.primary")
	b.waitText(group("stable"), "90 %")
}

func TestAPageOfAPoolWithoutLimitsAndGroupsHasNoneOfThem(t *testing.T) {
	t.Parallel()
	p, backends := startPool(t, withControl)
	b := openPage(t, p.page(), 1360, 860)
	b.waitText(row(backends[0].address), "Healthy")
	for _, selector := range []string{".gauge", ".split:not([hidden])", "tr[data-group]"} {
		if n := eval[int](b, fmt.Sprintf("document.querySelectorAll(%q).length", selector)); n > 0 {
			t.Errorf("there are %d elements %s", n, selector)
		}
	}
}

// slowBackend is a backend whose answers take a while.
func slowBackend(t *testing.T, takes time.Duration) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { time.Sleep(takes) }))
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

func TestThePageShowsLimitsAndGroupsUnderLoad(t *testing.T) {
	t.Parallel()
	p := newProxy(t)
	p.write(p.options("") + p.limitedSite("max_in_flight 12\nqueue 30 1m\nretry_budget 20% 10",
		slowBackend(t, 60*time.Millisecond), slowBackend(t, 60*time.Millisecond)))
	p.start()
	sendRequests(t, "http://"+p.site+"/", 20)
	b := openPage(t, p.page(), 1360, 860)
	b.waitText(gauge("places"), "12 of 12")
	b.waitFor(fmt.Sprintf("document.querySelector('%s .value').innerText.match(/^[1-9]/)", gauge("queue")))
	b.click(group("canary") + " button")
	eval[bool](b, "document.querySelector('dialog [name=share]').value = 25, document.querySelector('dialog [name=reason]').value = 'looks good', true")
	b.click("dialog button.primary")
	b.holdMessage()
	b.waitText(group("canary"), "set by")
	b.waitFor(fmt.Sprintf("document.querySelector('%s td:nth-child(3)').innerText.match(/[1-9]/)", group("canary")))
	b.click(".toast button.quiet")
	b.wantAccessible("limits and groups under load")
	b.screenshot("status-page-limits.png")
}
