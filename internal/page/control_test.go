package page

import (
	"net/http"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// drain drains an endpoint by click.
func (b *browser) drain(address string) {
	b.t.Helper()
	b.click(row(address) + " button.small")
	b.waitText("dialog h2", "Drain "+address+"?")
	b.click("dialog button.primary")
	b.waitText(row(address), "Draining")
}

func TestAnOperatorDrainsByClickAndUndoesIt(t *testing.T) {
	t.Parallel()
	p, backends := startPool(t, withControl)
	b := openPage(t, p.page(), 1360, 860)
	address := backends[0].address
	b.waitText(row(address), "Healthy")
	b.click(row(address) + " button.small")
	b.waitText("dialog h2", "Drain "+address+"?")
	b.wantAccessible("a confirmation")
	b.click("dialog button.primary")
	b.holdMessage()
	b.waitText(row(address), "Draining")
	b.waitText(row(address), "an operator says so")
	b.waitText(".toast", address+" drains.")
	b.wantAccessible("a message")
	b.click(".toast button")
	b.waitText(row(address), "Healthy")
}

func TestADecisionIsCancelledByEscape(t *testing.T) {
	t.Parallel()
	p, backends := startPool(t, withControl)
	b := openPage(t, p.page(), 1360, 860)
	b.waitText(row(backends[0].address), "Healthy")
	b.click(row(backends[0].address) + " button.small")
	b.waitText("dialog h2", "Drain")
	b.press(kb.Escape)
	b.waitFor("!document.querySelector('dialog')")
	b.waitText(row(backends[0].address), "Healthy")
}

func TestTheLastUsableEndpointIsDrainedAfterASecondConfirmation(t *testing.T) {
	t.Parallel()
	p, backends := startPool(t, withControl)
	b := openPage(t, p.page(), 1360, 860)
	b.waitText(row(backends[0].address), "Healthy")
	b.drain(backends[0].address)
	b.expect("409")
	b.click(row(backends[1].address) + " button.small")
	b.click("dialog button.primary")
	b.waitText("dialog .refusal", "last usable")
	b.waitText("dialog button.primary", "Drain nevertheless")
	b.click("dialog button.primary")
	b.waitText(row(backends[1].address), "Draining")
}

func TestAnOperatorSetsAWeight(t *testing.T) {
	t.Parallel()
	p, backends := startPool(t, withControl)
	b := openPage(t, p.page(), 1360, 860)
	address := backends[0].address
	b.waitText(row(address), "Healthy")
	b.click(row(address) + " .open")
	b.click("dialog [data-action=weight]")
	b.waitFor("document.querySelector('dialog [name=weight]')")
	eval[bool](b, "document.querySelector('dialog [name=weight]').value = 7, true")
	b.click("dialog button.primary")
	b.waitText("dialog .facts", "an operator set 7")
	b.press(kb.Escape)
	b.waitFor("!document.querySelector('dialog')")
	b.waitText(row(address), "7")
}

func TestAnEndpointIsDrainedByKeys(t *testing.T) {
	t.Parallel()
	p, backends := startPool(t, withControl)
	b := openPage(t, p.page(), 1360, 860)
	b.waitText(row(backends[1].address), "Healthy")
	b.searchFor(backends[1].address)
	b.waitText(".found", "1 of 2")
	eval[bool](b, "document.querySelector('.open').focus(), true")
	b.press("d")
	b.waitText("dialog h2", "Drain "+backends[1].address)
	b.press(kb.Enter)
	b.waitText(row(backends[1].address), "Draining")
	b.press(kb.Escape)
	for i, tab := range []string{"endpoints", "events", "routes", "sources", "explain"} {
		b.waitFor("!document.querySelector('dialog')")
		b.press(string(rune('1' + i)))
		b.waitFor("!document.querySelector('#panel-" + tab + "').hidden")
	}
}

// TestAPageWithoutControlChangesNothing also calls the API of such a page.
func TestAPageWithoutControlChangesNothing(t *testing.T) {
	t.Parallel()
	p, backends := startPool(t, "pool_status")
	b := openPage(t, p.page(), 1360, 860)
	b.waitText(row(backends[0].address), "Healthy")
	if n := eval[int](b, "document.querySelectorAll('tbody button.small').length"); n > 0 {
		t.Errorf("there are %d buttons in the table", n)
	}
	b.expect("405")
	status := eval[int](b, `fetch("web/endpoints/`+backends[0].address+`", {method: "PATCH", body: '{"state":"drain"}',
		headers: {"Content-Type": "application/json"}}).then(r => r.status)`)
	if status != http.StatusMethodNotAllowed {
		t.Errorf("a change got status %d", status)
	}
}

// TestThePageIsAtTheAdminEndpoint opens it by its address, as typed.
func TestThePageIsAtTheAdminEndpoint(t *testing.T) {
	t.Parallel()
	p, backends := startPool(t, "")
	b := openPage(t, "http://"+p.admin+"/pools/", 1360, 860)
	b.waitText(row(backends[0].address), "Healthy")
	b.drain(backends[0].address)
}

func TestAPoolGoesBackToAnEarlierListByClick(t *testing.T) {
	t.Parallel()
	p, backends := startPool(t, withControl)
	b := openPage(t, p.page(), 1360, 860)
	b.waitText(row(backends[1].address), "Healthy")
	third := startBackend(t)
	p.write(p.options("") + p.siteWith(withControl, backends[0].address, third.address))
	p.reload()
	b.waitText(row(third.address), "Healthy")
	b.click("#tab-events")
	b.click(".history li[data-kind=membership]:last-child button")
	b.waitText("dialog h2", "Go back to the list of revision")
	b.click("dialog button.primary")
	b.waitText(".banner", "The list is frozen")
	b.wantAccessible("a frozen list")
	b.click("#tab-endpoints")
	b.waitText(row(backends[1].address), "Healthy")
	b.click(".banner button")
	b.waitText(row(third.address), "Healthy")
	b.waitFor("document.querySelector('.banner').hidden")
}
