# Everything here needs Go and a POSIX shell, nothing else. Tools are pinned in
# internal/tools/go.mod and built into bin/ when first asked for.

# Go keeps its caches below HOME; without one, everything stays in the checkout.
ifeq ($(strip $(HOME)),)
export HOME := $(CURDIR)/bin/home
endif

GO       ?= go
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
# Names of hosts, of which there are none, are looked up without the C library.
BUILDFLAGS := -trimpath -buildvcs=false -tags=netgo
# A program with C in it can be loaded at any address; as packages install it.
PIE := $(if $(filter 1,$(shell $(GO) env CGO_ENABLED)),-buildmode=pie)
LDFLAGS  := -s -w -bindnow
FUZZTIME ?= 30s
ROUNDS   ?= 500
BENCH    ?= .
PACKAGES ?= ./...
PLATFORMS := linux/arm64 darwin/arm64 darwin/amd64 freebsd/amd64 windows/amd64
# Vet reads what is compiled for a system; the processor makes no difference to it.
VETTED := darwin/arm64 freebsd/amd64 windows/amd64
# What is built, linted and tested with the same flags is compiled once. By the
# environment, so that programs which tests build are no others.
SHARED := GOFLAGS="$$GOFLAGS $(BUILDFLAGS) $(PIE)"
# Further flags of go test, such as -p and -parallel.
TESTFLAGS ?=

# Not from git, which may refuse a checkout that belongs to another user.
SOURCES := find . -name '*.go' -not -path './bin/*' -not -path './.*/*'

.PHONY: build quickstart test race race-all lint fmt bench fuzz crash backup-many rotate-many streams boot boot-long fixture generate cross vulncheck \
	manual packages packages-test reproducible clean help

build: ## build vaultd and vaultctl into bin/
	@mkdir -p bin
	$(GO) build $(BUILDFLAGS) $(PIE) -ldflags '$(LDFLAGS) -X main.version=$(VERSION)' -o bin/ ./cmd/vaultd ./cmd/vaultctl

quickstart: build ## build, and run the tour on a vault of your own
	@PATH="$(CURDIR)/bin:$$PATH" bin/vaultctl quickstart

# Vet is lint's. What hangs fails after some minutes, with its stacks.
test: ## run all tests
	$(SHARED) $(GO) test -vet=off -timeout 8m $(TESTFLAGS) $(PACKAGES)

# Tests that do nothing but drive the programs, which are built without the
# detector, have nothing in them to race. Nor has crypto, without a goroutine of
# its own; what shares its keys is vault and ipc, and what the crash tests and the
# table of states drive is raced there.
UNRACED := cmd/vaultctl|crypto/[a-z]+|test/(audit|autoseal|boot|crash|fixtures|flip|full|guess|interop|lifecycle|packages|secrets|speed|tamper|uid)
# Most of what the detector looked at was the standard library's inner loop of
# PBKDF2, 600,000 rounds for each unseal, on memory of its own. Without these
# three packages in it the same tests take a third of the time.
RACE := -race $(foreach p,hmac pbkdf2 sha256,-gcflags=crypto/internal/fips140/$(p)=-race=false)

race: ## run all tests, the slow ones cut short, under the race detector
	$(GO) test $(RACE) -short -vet=off -timeout 8m $(TESTFLAGS) $$($(GO) list $(PACKAGES) | grep -vE '^[^/]+/[^/]+/[^/]+/($(UNRACED))$$')

race-all: ## run every test of every package under the race detector, in full
	$(GO) test $(RACE) -timeout 30m $(TESTFLAGS) $(PACKAGES)

lint: bin/gofumpt bin/staticcheck ## check format, vet and static analysis
	@unformatted="$$($(SOURCES) | grep -v -e '\.pb\.go$$' -e '\.connect\.go$$' | xargs bin/gofumpt -l)"; \
	if [ -n "$$unformatted" ]; then echo "not formatted by gofumpt (run make fmt):"; echo "$$unformatted"; exit 1; fi
	$(SHARED) $(GO) vet ./...
	$(SHARED) bin/staticcheck ./...

fmt: bin/gofumpt ## format all sources
	$(SOURCES) | grep -v -e '\.pb\.go$$' -e '\.connect\.go$$' | xargs bin/gofumpt -w

bench: ## run the benchmarks; BENCH and PACKAGES choose some
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem $(PACKAGES)

fuzz: ## fuzz every target for FUZZTIME each
	@.ci/fuzz $(FUZZTIME)

crash: ## kill, cut the power and fail the disk, ROUNDS times each
	VAULTD_ROUNDS=$(ROUNDS) $(GO) test -count=1 -timeout 6h -v ./test/crash/...

backup-many: ## back up and restore a million records, and measure
	VAULTD_RECORDS=1000000 $(GO) test -count=1 -timeout 1h -v -run OfManyRecords ./vault

rotate-many: ## rotate ten thousand keys on schedule, ten versions each, and measure
	VAULTD_ROTATE_KEYS=10000 $(GO) test ./vault -run TestManyKeysRotateExactlyOnSchedule -v -timeout 20m

streams: ## put 4 GiB through encrypt and decrypt, and look at their memory
	VAULTD_STREAM_GIB=4 $(GO) test -count=1 -timeout 10m -v -run TestStreamsTakeConstantMemory ./cmd/vaultctl

boot: ## boot a machine with the service in a container, and use it
	VAULTD_BOOT=1 $(SHARED) $(GO) test -count=1 -timeout 10m -v ./test/boot/

boot-long: ## the same, and open it after a reboot by every kind of key slot
	VAULTD_BOOT=long $(SHARED) $(GO) test -count=1 -timeout 15m -v ./test/boot/

fixture: ## make a vault of today's format for test/fixtures, called NAME; AGAIN=1 over one that was never released
	@test -n '$(NAME)' || { echo "make fixture NAME=records-…"; exit 2; }
	VAULTD_FIXTURE='$(NAME)' VAULTD_FIXTURE_AGAIN='$(AGAIN)' $(GO) test -count=1 -run TestMakeFixture ./test/fixtures/

generate: ## make the generated code again
	$(GO) generate ./...

cross: ## build for, and vet on, the other systems
	@set -e; export CGO_ENABLED=0; for p in $(PLATFORMS); do \
		export GOOS=$${p%/*} GOARCH=$${p#*/}; echo "$$p"; \
		$(GO) build -buildvcs=false ./...; \
		case " $(VETTED) " in *" $$p "*) $(GO) vet ./... ;; esac; \
	done

vulncheck: bin/govulncheck ## look for known vulnerabilities in what is called
	bin/govulncheck ./...

# SOURCE_DATE_EPOCH is the commit's unless it is set; ARCH, CC and FORMATS choose.
packages: bin/nfpm bin/manual bin/sbom ## build deb, rpm, apk and the rest of a release into dist/, for VERSION
	@VERSION='$(VERSION)' BUILDFLAGS='$(BUILDFLAGS)' LDFLAGS='$(LDFLAGS)' GO='$(GO)' packaging/build

packages-test: ## build packages twice, compare, inspect, install and remove them; SHORT=1 for what CI runs
	@packaging/test

reproducible: ## build packages on two paths with nothing shared, and compare
	@packaging/reproducible

manual: bin/manual ## make the man pages into dist/man
	@bin/manual -out dist/man -version '$(VERSION)' -date "$${SOURCE_DATE_EPOCH:-$$(date +%s)}"

bin/nfpm: internal/tools/go.mod
	$(GO) -C internal/tools build -o ../../bin/ github.com/goreleaser/nfpm/v2/cmd/nfpm
bin/manual: internal/tools/go.mod $(wildcard internal/tools/manual/*.go)
	$(GO) -C internal/tools build -o ../../bin/ ./manual
bin/sbom: internal/tools/go.mod $(wildcard internal/tools/sbom/*.go)
	$(GO) -C internal/tools build -o ../../bin/ ./sbom
bin/gofumpt: internal/tools/go.mod
	$(GO) -C internal/tools build -o ../../bin/ mvdan.cc/gofumpt
bin/staticcheck: internal/tools/go.mod
	$(GO) -C internal/tools build -o ../../bin/ honnef.co/go/tools/cmd/staticcheck
bin/govulncheck: internal/tools/go.mod
	$(GO) -C internal/tools build -o ../../bin/ golang.org/x/vuln/cmd/govulncheck

clean: ## remove what was built
	rm -rf bin dist

help: ## say what can be made
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 15
