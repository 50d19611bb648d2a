// What proves the live page in a real browser. A module of its own keeps the client of the browser
// out of everybody's builds.
module github.com/caddy-balance/caddy-balance/internal/page

go 1.26.0

require (
	github.com/caddy-balance/caddy-balance v0.0.0
	github.com/chromedp/cdproto v0.159.0
	github.com/chromedp/chromedp v0.23.0
)

require github.com/go-json-experiment/json v0.0.0-20260213210345-44df1a37e875 // indirect

replace github.com/caddy-balance/caddy-balance => ../..
