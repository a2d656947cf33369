# Every target works on a machine that has Go 1.26, Node 20, gcc, make and git,
# and installs what else it needs by itself.

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
COMMIT  ?= $(shell git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
LDFLAGS  = -s -w -X main.version=$(VERSION) -X main.commit=$(COMMIT)
TOOL     = go tool -modfile=tools/go.mod
# Packages in which goroutines meet are tested with the race detector.
RACE     = ./ddp/... ./internal/ingest ./internal/hook ./internal/server ./internal/sqlite ./internal/auth ./internal/control ./internal/intake ./internal/meteor ./internal/alert ./internal/live
TZS      = UTC Pacific/Kiritimati Pacific/Pago_Pago Asia/Kathmandu America/St_Johns Australia/Lord_Howe Europe/Berlin America/New_York

KILLS    ?= 100
IDS      ?= 1000000
ROUNDS   ?= 500
ACKS     ?= 1000
IMAGES   ?= 800
FAULTS   ?= 300
FUZZ     ?= 200000x
MINUTES  ?= 15
BENCH    ?=

.PHONY: run build check test bench crash fuzz soak clean

run: build
	bin/pkgmeter serve

# The page script needs npm. Without it the program is built all the same, and
# its pages are drawn by the server alone; the script is not checked then.
UI     = internal/web/ui
BUNDLE = internal/web/static/dist/stats.js
NPM   := $(and $(shell command -v node),$(shell command -v npm))
UIDONE = $(UI)/node_modules/.installed
# axe-core is among its packages for tests in a browser, which read
# $(UI)/node_modules/axe-core/axe.min.js; it is not shipped.

build: $(BUNDLE)
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/pkgmeter ./cmd/pkgmeter

ifneq ($(NPM),)
$(UIDONE): $(UI)/package.json $(UI)/package-lock.json $(UI)/.npmrc
	cd $(UI) && npm ci --no-progress && touch node_modules/.installed

$(BUNDLE): $(UIDONE) $(UI)/build.mjs $(wildcard $(UI)/src/*.ts $(UI)/src/*/*.ts)
	cd $(UI) && node build.mjs
else
$(BUNDLE):
	@echo "notice: there is no npm, so the pages come without the script for their charts"
endif

# Types, lint and unit tests of the page script.
.PHONY: ui-check ui-test
ui-check: $(if $(NPM),$(UIDONE))
	$(if $(NPM),cd $(UI) && npm run --silent check,@echo "notice: there is no npm, so the page script is not checked")

ui-test: $(if $(NPM),$(UIDONE))
	$(if $(NPM),cd $(UI) && npm run --silent test,@echo "notice: there is no npm, so the page script is not tested")

# Format, vet, lint, import map, dead code, the page script. Templates are checked by the tests
# of internal/web; there is no specification file of the interface yet.
check: ui-check
	@out=$$($(TOOL) gofumpt -l $$(git ls-files --cached --others --exclude-standard '*.go')); \
	  if [ -n "$$out" ]; then echo "not formatted, run: make fmt"; echo "$$out"; exit 1; fi
	go vet ./...
	$(TOOL) golangci-lint run --timeout 15m ./...
	go test -count=1 ./internal/arch
	@out=$$($(TOOL) deadcode -test ./...); if [ -n "$$out" ]; then echo "dead code:"; echo "$$out"; exit 1; fi

# What the tests use of Debian's packages, program:package: a browser, what makes
# a system call fail, and registries, a web server, installers and a mail server that meet ours.
DEBIAN = chromium:chromium strace:strace docker-registry:docker-registry skopeo:skopeo composer:composer unzip:unzip \
	nginx:nginx mvn:maven pip3:python3-pip aiosmtpd:python3-aiosmtpd

# The services among them are for the tests to start: policy-rc.d keeps the
# packages from doing so, while they are installed.
.PHONY: debian
debian:
	@missing=; for tool in $(DEBIAN); do \
	    [ -x /usr/bin/$${tool%%:*} ] || [ -x /usr/sbin/$${tool%%:*} ] || missing="$$missing $${tool##*:}"; \
	  done; \
	  [ -z "$$missing" ] || { \
	    root=; [ "$$(id -u)" = 0 ] || root=sudo; policy=/usr/sbin/policy-rc.d; \
	    if [ -e $$policy ]; then policy=; else trap "$$root rm -f $$policy" EXIT INT TERM; \
	      printf '#!/bin/sh\nexit 101\n' | $$root tee $$policy >/dev/null; $$root chmod +x $$policy; fi; \
	    $$root apt-get update -q && $$root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $$missing; }

.PHONY: fmt
fmt:
	$(TOOL) gofumpt -w $$(git ls-files --cached --others --exclude-standard '*.go')

# All tests, in a time zone picked at random: days are UTC whatever the machine
# thinks.
test: build ui-test debian
	@tz=$$(printf '%s\n' $(TZS) | shuf -n1); echo "TZ=$$tz"; \
	  export TZ=$$tz; go test -shuffle=on -timeout 20m ./... && go test -race -shuffle=on -timeout 40m $(RACE)

# The figures of docs/performance.md, one "name value goal" a line.
bench: build
	go run ./bench -pkgmeter bin/pkgmeter $(if $(filter full,$(BENCH)),-full)

# The program under kills, power cuts, faults of system calls and a full disk, and
# with faults built in, which each rig has to find. Counts of kills, of ids that are
# sent ten times each, of acknowledgements whose order is checked, of images after a
# power cut, of faults, and of races of publishers.
crash: build debian
	KILLS=$(KILLS) IDS=$(IDS) ACKS=$(ACKS) IMAGES=$(IMAGES) FAULTS=$(FAULTS) go test -count=1 -timeout 20m -v ./internal/crashtest
	ROUNDS=$(ROUNDS) go test -count=1 -timeout 20m -v -run RacingPublishers ./internal/meteor

# A browser walks through every page of an invented year of EVENTS events; make
# test does so with fewer.
EVENTS ?= 5000000
.PHONY: walk
walk: build debian
	CI=1 EVENTS=$(EVENTS) go test -count=1 -timeout 20m -v -run Walks ./internal/counterpart

# Every fuzz target for FUZZ executions.
fuzz:
	@for pkg in $$(go list ./...); do \
	  for target in $$(go test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
	    echo "$$pkg $$target"; go test -run='^$$' -fuzz="^$$target$$" -fuzztime=$(FUZZ) $$pkg || exit 1; \
	  done; done

# The program in all of its uses at once, for MINUTES: nothing of it may grow.
soak: build
	MINUTES=$(MINUTES) go test -count=1 -timeout $$(($(MINUTES) + 5))m -v -run NothingGrows ./internal/crashtest

clean:
	rm -rf bin internal/web/static/dist internal/web/ui/node_modules
