# Common tasks. What must hold before a change lands is in .ci/run.

.PHONY: help test race lint golden bench e2e page chaos examples work gate release

help: ## list these tasks
	@sed -n 's/^\([a-z0-9]*\):.*## /\1	/p' $(MAKEFILE_LIST) | expand -t 12

test: ## run the tests of the core module
	go test ./...

race: ## run them with the race detector, without the long ones
	go test -race -short ./...

lint: ## run golangci-lint over every module, and check the width of comments
	.ci/lint/run

golden: ## rewrite the golden files of every module; read the diff afterwards
	git grep -l 'golden\.Caddyfiles(' -- '*_test.go' | xargs -n1 dirname | sort -u | xargs -I{} go -C {} test . -update

bench: ## run the benchmarks of the core module
	go test -run '^$$' -bench . ./...

e2e: ## run sources against real registries, which are built first
	cd internal/e2e && go run ./servers/cmd/build && go test -timeout 2h ./...

page: ## test the live page in Chromium; with -update it takes the screenshots of the documentation
	cd internal/page && go test ./...

chaos: ## let things go wrong under load, with a pool and with stock Caddy: 15 minutes
	go run ./internal/chaos

examples: ## load every example that needs no nested module
	go test -run TestExamples ./caddyfile

work: ## write a go.work of all modules, for editors; it is not committed
	rm -f go.work go.work.sum && go work init . && .ci/modules | xargs go work use internal/e2e internal/page

gate: ## run everything that must hold before a change lands
	.ci/run

release: ## make the tags of a release: VERSION=v0.1.0, and DRY_RUN=1 to see what would happen
	@DRY_RUN=$(DRY_RUN) .ci/release $(VERSION)
