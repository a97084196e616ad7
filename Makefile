# make run    the demo: real calls on this machine, and what to try next
# make test   installs what the tests need from Debian's packages, runs everything
#             (PKG=./sip/... for some of it)
# make build  bin/tollgate, panel included
# make check  format, vet, lint, module file, import table
# make bench  side by side with its peers; BENCH="-rounds 1 -peers floor,tollgate" for less
# make pictures  docs/images anew, of the demo in Chromium
# make soak   the long tests whole (hours)

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := build
.PHONY: run build panel test check bench pictures soak test-deps need-go

# Pure Go: no C compiler needed. A checkout that belongs to somebody else has
# no readable history for the go command, hence the version by hand.
export CGO_ENABLED := 0
export GOFLAGS := $(strip $(shell go env GOFLAGS) -buildvcs=false)
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)

PKG ?= ./...

# Tools in exact versions, built once into .cache/bin.
GOTESTSUM := .cache/bin/gotestsum-v1.13.0
GOLANGCI := .cache/bin/golangci-lint-v2.15.0

run: build
	@exec bin/tollgate demo

build: need-go panel
	@go build -trimpath -ldflags '-X main.version=$(VERSION)' -o bin/tollgate ./cmd/tollgate

# The panel is built before the binary, which embeds it.
ifneq ($(wildcard web/package.json),)
PANEL_SOURCES := $(shell find web -type f -not -path 'web/node_modules/*' -not -path 'web/dist/*' -not -path 'web/e2e/*')
panel: web/dist/index.html
web/dist/index.html: web/node_modules/.package-lock.json $(PANEL_SOURCES)
	@cd web && npm run --silent build
	@touch $@
web/node_modules/.package-lock.json: web/package.json web/package-lock.json
	@command -v npm >/dev/null || { echo "make: the panel needs Node 20 or newer and npm" >&2; exit 1; }
	@cd web && npm ci --no-audit --no-fund --loglevel=error
	@touch $@
else
panel:
endif

# The black-box tests take the program as it was built here.
test soak: export TOLLGATE_BIN := $(CURDIR)/bin/tollgate

test: test-deps build $(GOTESTSUM)
	@cd web && npm test --silent
	@scripts/test $(GOTESTSUM) -timeout 20m $(PKG)

soak: test-deps build $(GOTESTSUM)
	@TOLLGATE_SOAK=1 scripts/test $(GOTESTSUM) -timeout 12h -count 1 $(PKG)

test-deps: need-go
	@scripts/test-deps

check: need-go $(GOLANGCI)
	@$(GOLANGCI) fmt --diff
	@go vet ./...
	@$(GOLANGCI) run
	@go mod tidy -diff
	@go test ./test/imports

bench: test-deps build
	@go run ./bench $(BENCH)

pictures: build
	@scripts/pictures

need-go:
	@command -v go >/dev/null || { echo "make: Go 1.26 or newer is needed: https://go.dev/dl" >&2; exit 1; }

$(GOTESTSUM): | need-go
	@scripts/tool gotest.tools/gotestsum@$(lastword $(subst -, ,$(@F))) $@

$(GOLANGCI): | need-go
	@scripts/tool github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(lastword $(subst -, ,$(@F))) $@
