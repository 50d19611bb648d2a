package page

import (
	"strings"
	"testing"
)

func TestThePageFollowsABackendThatGoesAndComesBack(t *testing.T) {
	t.Parallel()
	p, backends := startPool(t, "pool_status")
	b := openPage(t, p.page(), 1360, 860)
	first := row(backends[0].address)
	b.waitText(first, "Healthy")
	backends[0].stop()
	b.waitText(first, "Unhealthy")
	b.waitText(first, "connection refused")
	b.waitText(".tiles", "1 of 2")
	b.waitText("nav", "1 of 2 usable")
	b.wantAccessible("an unhealthy endpoint")
	backends[0].start()
	b.waitText(first, "Healthy")
	b.waitText(".tiles", "2 of 2")
	b.click("#tab-events")
	b.waitText("#panel-events", backends[0].address+" is unhealthy")
	b.waitText("#panel-events", backends[0].address+" is healthy")
}

func TestThePageShowsEndpointsThatComeAndGo(t *testing.T) {
	t.Parallel()
	p, backends := startPool(t, "pool_status")
	b := openPage(t, p.page(), 1360, 860)
	b.waitText(row(backends[1].address), "Healthy")
	third := startBackend(t)
	p.write(p.options("") + p.siteWith("pool_status", backends[0].address, third.address))
	p.reload()
	b.waitText(row(third.address), "Healthy")
	b.waitFor("!document.querySelector('" + row(backends[1].address) + "')")
	b.waitText("#connection", "Live")
}

func TestThePageSurvivesAReloadAndARestart(t *testing.T) {
	t.Parallel()
	p, backends := startPool(t, withControl)
	b := openPage(t, p.page(), 1360, 860)
	first := row(backends[0].address)
	b.waitText(first, "Healthy")
	b.drain(backends[0].address)

	p.reload()
	b.waitText("#connection", "Live")
	b.waitText(first, "Draining")

	p.waitStored() // the decision already held before
	b.expect("net::ERR_", "502")
	p.kill()
	b.waitText("#connection", "does not answer")
	b.wantAccessible("a page without a connection")
	p.start()
	b.waitText("#connection", "Live")
	b.waitText(first, "Draining")
	backends[1].stop()
	b.waitText(row(backends[1].address), "Unhealthy")
}

// TestAReloadDoesNotWaitForThePage reloads while a page follows a pool, at both endpoints.
func TestAReloadDoesNotWaitForThePage(t *testing.T) {
	t.Parallel()
	p, backends := startPool(t, "pool_status")
	b := openPage(t, p.page(), 1360, 860)
	b.waitText(row(backends[0].address), "Healthy")
	admin := openPage(t, "http://"+p.admin+"/pools/", 1360, 860)
	admin.waitText(row(backends[0].address), "Healthy")
	p.reload()
	for _, page := range []*browser{b, admin} {
		page.waitText("#connection", "Live")
		page.waitText(row(backends[0].address), "Healthy")
	}
	p.waitForLog("stopped previous server")
	if output := p.running.Output(); strings.Contains(output, "shutting down admin server") {
		t.Errorf("the admin endpoint waited for the page:\n%s", output)
	}
}
