package page

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// waitLimit bounds how long a test waits for the page. A second is usual.
const waitLimit = time.Minute

// testLimit bounds the life of a browser.
const testLimit = 5 * time.Minute

// browser is a page in a headless Chromium. Whatever it reports as an error fails the test.
type browser struct {
	t   *testing.T
	ctx context.Context

	once     sync.Once // until figures have something to show
	mu       sync.Mutex
	errors   []string
	expected []string // parts of errors that the test provokes
}

// names are those of Chromium on different systems.
var names = []string{"chromium", "chromium-browser", "google-chrome", "headless-shell"}

func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("CI") != "" {
		t.Fatal("there is no Chromium")
	}
	t.Skip("there is no Chromium")
	return ""
}

// openPage opens a page. A window of a phone is 390 wide.
func openPage(t *testing.T, url string, width, height int64) *browser {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), testLimit)
	t.Cleanup(cancel)
	allocator, cancel := chromedp.NewExecAllocator(ctx, append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromium(t)),
		chromedp.NoSandbox, // the tests may run as root
		chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.WindowSize(int(width), int(height)),
		chromedp.WSURLReadTimeout(waitLimit),
	)...)
	t.Cleanup(cancel)
	b := &browser{t: t}
	b.ctx, cancel = chromedp.NewContext(allocator, chromedp.WithListener(b.listen))
	t.Cleanup(cancel)
	b.run(chromedp.EmulateViewport(width, height))
	b.call(log.Enable)
	b.emulate("prefers-reduced-motion", "reduce") // nothing is half faded in as axe looks
	b.run(chromedp.Navigate(url))
	t.Cleanup(b.wantNoErrors)
	return b
}

// listen keeps what the page reports as an error.
func (b *browser) listen(event any) {
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		b.keep(fmt.Sprintf("exception: %+v", e.ExceptionDetails))
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
			b.keep(fmt.Sprintf("console: %+v", e.Args))
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			b.keep(fmt.Sprintf("log: %s %s", e.Entry.Text, e.Entry.URL))
		}
	}
}

func (b *browser) keep(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, part := range b.expected {
		if strings.Contains(text, part) {
			return
		}
	}
	b.errors = append(b.errors, text)
}

// expect makes errors with such a text no failure of the test.
func (b *browser) expect(parts ...string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.expected = append(b.expected, parts...)
}

func (b *browser) wantNoErrors() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, text := range b.errors {
		b.t.Errorf("the page reports an error: %s", text)
	}
}

func (b *browser) run(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		b.t.Fatal(err)
	}
}

// eval returns the value of an expression.
func eval[T any](b *browser, expression string) (value T) {
	b.t.Helper()
	value, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%s: %v", expression[:min(len(expression), 200)], err)
	}
	return value
}

// waitFor waits until an expression is true.
func (b *browser) waitFor(expression string) {
	b.t.Helper()
	for deadline := time.Now().Add(waitLimit); !eval[bool](b, "Boolean("+expression+")"); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			b.t.Fatalf("not within %s: %s\nthe page shows:\n%s", waitLimit, expression, eval[string](b, "document.body.innerText"))
		}
	}
}

// waitText waits until an element shows a text.
func (b *browser) waitText(selector, text string) {
	b.t.Helper()
	b.waitFor(fmt.Sprintf("document.querySelector(%q)?.innerText.includes(%q)", selector, text))
}

func (b *browser) click(selector string) {
	b.t.Helper()
	b.run(chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible))
}

// holdMessage keeps the next message on the page, as a pointer above it does. Otherwise it goes
// after some seconds, which a busy machine may need for what a test does before it clicks.
func (b *browser) holdMessage() {
	b.t.Helper()
	b.waitFor("document.querySelector('.toast')?.dispatchEvent(new Event('mouseenter'))")
}

// press sends keys to what has the focus.
func (b *browser) press(keys string) {
	b.t.Helper()
	b.run(chromedp.KeyEvent(keys))
}

// row returns the selector of the row of an endpoint.
func row(address string) string { return fmt.Sprintf("tr[data-address=%q]", address) }

// violation is what axe finds.
type violation struct {
	ID, Help string
	Nodes    []struct{ HTML, FailureSummary string }
}

// wantAccessible fails the test if axe finds anything.
func (b *browser) wantAccessible(what string) {
	b.t.Helper()
	axe, err := os.ReadFile("testdata/axe-core/axe.min.js")
	if err != nil {
		b.t.Fatal(err)
	}
	eval[bool](b, string(axe)+";true")
	found := eval[string](b, `axe.run(document).then(result => JSON.stringify(result.violations))`)
	var violations []violation
	if err := json.Unmarshal([]byte(found), &violations); err != nil {
		b.t.Fatal(err)
	}
	for _, v := range violations {
		for _, n := range v.Nodes {
			b.t.Errorf("axe finds %s in %s: %s\n%s\n%s", v.ID, what, v.Help, n.HTML, n.FailureSummary)
		}
	}
}

// call sends a command of the protocol that has no parameters.
func (b *browser) call(command cdp.Command[cdp.Empty, cdp.Empty]) {
	b.t.Helper()
	b.run(func(ctx context.Context, _ *chromedp.Target) (chromedp.Void, error) {
		_, err := chromedp.Call(ctx, command, cdp.Empty{})
		return chromedp.Void{}, err
	})
}

// emulate sets what a user prefers.
func (b *browser) emulate(feature, value string) {
	b.t.Helper()
	parameters := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: feature, Value: value}}}
	if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, parameters); err != nil {
		b.t.Fatal(err)
	}
}

// searchFor searches endpoints by keys. The driver types the slash although the page prevents that.
func (b *browser) searchFor(text string) {
	b.t.Helper()
	b.press("/")
	b.waitFor("document.activeElement.id === 'search'")
	eval[bool](b, "search.value = '', true")
	b.press(text)
}
