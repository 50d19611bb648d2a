package page

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"
)

const many = 5000

// TestThousandsOfEndpointsAreSortedFilteredAndSearched looks at the rows that exist, which must be
// few, however many endpoints there are.
func TestThousandsOfEndpointsAreSortedFilteredAndSearched(t *testing.T) {
	t.Parallel()
	p := newProxy(t)
	p.write(p.options("") + "http://" + p.site + " {\npool_status\nreverse_proxy {\ndynamic pool web {\n" +
		sources(many) + "}\n}\n}\n")
	p.start()
	b := openPage(t, p.page(), 1360, 860)
	b.waitText(".found", "5,000 endpoints")
	b.wantFewRows()
	b.wantAccessible("thousands of endpoints")

	b.timed("sorted by weight", func() {
		b.click("th[data-column=weight] button")
		b.waitText("tbody tr[aria-rowindex='2']", "5,000")
	})
	b.timed("searched", func() {
		b.searchFor("127.1.19.25")
		b.waitText(".found", "2 of 5,000")
	})
	b.timed("filtered", func() {
		eval[bool](b, "search.value = '', filter.value = 'unhealthy', filter.dispatchEvent(new Event('change')), true")
		b.waitText(".found", "0 of 5,000")
		eval[bool](b, "filter.value = '', filter.dispatchEvent(new Event('change')), true")
		b.waitText(".found", "5,000 endpoints")
	})
	b.timed("scrolled to the end", func() {
		eval[bool](b, "document.querySelector('.open[tabindex=\"0\"]').focus(), true")
		b.press(kb.End)
		b.waitFor("document.activeElement.closest('tr')?.ariaRowIndex == 5001")
	})
	b.wantFewRows()
	worst := eval[float64](b, scrollThrough)
	t.Logf("the longest frame while scrolling took %.0f ms", worst)
}

// scrollThrough scrolls through the whole table, and returns the longest time between two frames.
const scrollThrough = `new Promise(resolve => {
	const scroll = document.querySelector('#panel-endpoints .scroll');
	let worst = 0, last = performance.now(), n = 0;
	const step = now => {
		worst = Math.max(worst, now - last);
		last = now;
		scroll.scrollTop = (n % 60) * scroll.scrollHeight / 60;
		if (n++ < 120) requestAnimationFrame(step); else resolve(worst);
	};
	requestAnimationFrame(step);
})`

// sources are sources of a pool with so many endpoints, each with another weight.
func sources(n int) string {
	var text strings.Builder
	text.WriteString("source static {\n")
	for i := range n {
		fmt.Fprintf(&text, "endpoint 127.1.%d.%d:80 {\nweight %d\n}\n", i/250, i%250+1, i+1)
	}
	text.WriteString("}\n")
	return text.String()
}

func (b *browser) wantFewRows() {
	b.t.Helper()
	if n := eval[int](b, "document.querySelectorAll('.endpoints tr').length"); n > 60 {
		b.t.Errorf("there are %d rows", n)
	}
}

// timed logs how long something takes, with the time in which the test notices it.
func (b *browser) timed(what string, do func()) {
	b.t.Helper()
	begin := time.Now()
	do()
	b.t.Logf("%s: %s", what, time.Since(begin).Round(time.Millisecond))
}

// TestFiguresOfThousandsOfEndpointsCostLittle takes events as they would come if each of the
// endpoints had requests, and looks at how long the page is busy with one of them. It does not run
// in parallel, because other tests would make that longer.
func TestFiguresOfThousandsOfEndpointsCostLittle(t *testing.T) {
	p := newProxy(t)
	p.write(p.options("") + "http://" + p.site + " {\npool_status\nreverse_proxy {\ndynamic pool web {\n" +
		sources(many) + "}\n}\n}\n")
	p.start()
	b := openPage(t, p.page(), 1360, 860)
	b.waitText(".found", "5,000 endpoints")
	usual := eval[float64](b, busySeconds)
	t.Logf("an event with figures of %d endpoints keeps the page busy for %.0f ms", many, usual)
	if n := eval[int](b, "window.shown"); n == 0 {
		t.Error("the figures are not shown")
	}
}

// busySeconds shows seconds of figures in a model and a list of their own, and returns how many
// milliseconds the median took.
const busySeconds = `(async () => {
	const [{Pool}, {List}, answer] = await Promise.all([import('./-/model.js'), import('./-/list.js'), fetch('web')]);
	const status = await answer.json();
	const pool = new Pool('web');
	pool.describe(status);
	const list = new List({onOpen() {}, quickAction: null});
	document.querySelector('#panel-endpoints').append(list.element);
	const columns = ['address', 'state', 'usable', 'reason', 'since', 'weight', 'in_flight', 'parked', 'relative_time',
		'requests', 'failures', 'p50', 'p99'];
	const took = [];
	for (let second = 0; second < 15; second++) {
		const rows = status.members.map((m, i) => [m.address, 'healthy', true, '', null, m.weight, i % 7, 0, 1,
			second * (i % 100), second, 0.01, 0.1]);
		const begin = performance.now();
		pool.take({time: second * 1000, columns: second ? undefined : columns, rows, p50: 0.01, p99: 0.1});
		list.show(pool, second > 0);
		took.push(performance.now() - begin);
	}
	window.shown = Array.from(list.element.querySelectorAll('.share')).filter(e => !e.innerText.startsWith('0')).length;
	return took.sort((a, b) => a - b)[7];
})()`
