# Copyright The vmdistributed-apiserver Authors.
# SPDX-License-Identifier: Apache-2.0

# Everything that is built, started or written lies in .local.
SHELL := /bin/bash
.SHELLFLAGS := -o errexit -o nounset -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

LOCAL := $(CURDIR)/.local
BIN := $(LOCAL)/bin

# What reconciles the operator's kinds in the local control plane: real (on kwok
# nodes, whose pods run nothing, with played metrics), dataplane (vmagent, vmauth and victoria-metrics
# processes behind the objects), standin (status only) or none.
OPERATOR ?= real
OPERATORS := real dataplane standin none

# What up starts.
BARE := etcd kube-apiserver kube-controller-manager kubectl
PROGRAMS_real := $(BARE) kube-scheduler kwok vm-operator
PROGRAMS_dataplane := $(BARE) vmagent vmauth victoria-metrics
PROGRAMS_standin := $(BARE)
PROGRAMS_none := $(BARE)

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -X github.com/vmdistributed/vmdistributed-apiserver/pkg/version.build=$(VERSION)

# Scratch files of the toolchain and of tests stay inside the checkout.
export TMPDIR := $(LOCAL)/tmp
$(shell mkdir -p $(LOCAL)/tmp $(BIN) $(LOCAL)/log)

GOTESTSUM = $(BIN)/gotestsum --format $(if $(CI),standard-quiet,pkgname) --hide-summary=skipped

.PHONY: help
help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build the server into .local/bin
	go build -ldflags "$(LDFLAGS)" -o $(BIN)/ ./cmd/...

CONTAINER_TOOL ?= docker
IMAGE ?= vmdistributed-apiserver:$(VERSION)

.PHONY: image
image: ## Build a container image of the server, called IMAGE, with CONTAINER_TOOL=docker
	$(CONTAINER_TOOL) build --file artifacts/Dockerfile --build-arg VERSION=$(VERSION) --tag $(IMAGE) .

.PHONY: tools
tools: ## Build the programs of the local control plane and data plane into .local/bin
	hack/build-tools.sh

.PHONY: standin
standin:
	go build -o $(BIN)/ ./test/standin/cmd/... ./test/dataplane/cmd/... ./test/responders/cmd/...

.PHONY: test-unit
test-unit: gotestsum ## Run the tests that need no other program
	$(GOTESTSUM) -- ./apis/... ./pkg/... ./cmd/... ./hack/...

.PHONY: test
test: gotestsum tools build standin ## Run all tests but those of the clients: pure, against a real kube-apiserver, and against the real operator
	$(GOTESTSUM) --raw-command -- hack/test.sh -timeout 40m

.PHONY: test-long
test-long: gotestsum tools build standin ## Run what takes long: more repetitions, with the race detector
	VMDC_TEST_LONG=1 $(GOTESTSUM) --raw-command -- hack/test.sh -race -timeout 4h

.PHONY: test-clients
test-clients: node-is-there gotestsum build standin ## Use the Go and TypeScript clients against the server (needs Node.js with npm)
	hack/build-tools.sh etcd kube-apiserver kubectl
	$(GOTESTSUM) -- -count=1 -timeout 20m ./test/clients/...

.PHONY: node-is-there
node-is-there:
	@for program in node npm; do command -v $$program >/dev/null || \
	  { echo "test-clients: there is no $$program on this machine: install Node.js, with npm" >&2; exit 2; }; done

FUZZ ?= .
FUZZTIME ?= 5m

.PHONY: fuzz
fuzz: gotestsum ## Fuzz for FUZZTIME=5m each of the targets that FUZZ matches, with the help of coverage
	$(GOTESTSUM) --raw-command -- hack/fuzz.sh --guided $(FUZZTIME) '$(FUZZ)'

.PHONY: test-saboteurs
test-saboteurs: ## Remove the guards of the rollout engine and of drains one at a time: a test must notice each
	go run ./test/saboteurs

BENCH ?= all

.PHONY: bench
bench: build standin ## Hold the server against the same kind as a CRD, in figures: BENCH=all, or parts such as api,list; SHORT=1 measures less
	hack/build-tools.sh etcd kube-apiserver
	go build -o $(BIN)/ ./hack/bench
	@exec $(BIN)/bench --parts $(BENCH) $(if $(SHORT),--short) # not go run, which an end by signal would not pass on

.PHONY: bench-overhead
bench-overhead: tools build ## Print what zone updates take by our own doing, over 200 of them, and how soon status tells
	go test ./test/integration/overhead -run xxx -bench . -benchtime 10x -timeout 40m

.PHONY: verify
verify: ## Generate again and compare, vet and lint
	hack/verify.sh

.PHONY: lint
lint: golangci-lint ## Lint
	$(BIN)/golangci-lint run ./...

.PHONY: update
update: ## Generate code
	hack/update-codegen.sh

.PHONY: up
up: operator-is-known build standin ## Leave a local control plane running, with the server registered
	hack/build-tools.sh $(PROGRAMS_$(OPERATOR))
	go run ./hack/controlplane up --operator $(OPERATOR)

.PHONY: operator-is-known
operator-is-known:
	@[[ " $(OPERATORS) " == *" $(OPERATOR) "* ]] || \
	  { echo "OPERATOR=$(OPERATOR) is unknown: choose one of $(OPERATORS)" >&2; exit 2; }

.PHONY: status
status: ## Tell how the programs do that up has started
	@go run ./hack/controlplane status

.PHONY: down
down: ## Stop what up has started
	go run ./hack/controlplane down

.PHONY: demo
demo: ## Show a rollout over several zones under load, without a failed query or a lost sample
	@echo "demo: builds what is not built yet (about 10 minutes the first time on two cores, seconds after that), then runs for two to three minutes"
	hack/build-tools.sh etcd kube-apiserver kubectl vmagent vmauth victoria-metrics
	@$(MAKE) --no-print-directory build
	go build -o $(BIN)/ ./hack/demo
	@exec $(BIN)/demo # not go run, which an end by signal would not pass on

.PHONY: clean
clean: down ## Stop everything and remove what was built
	rm -rf $(LOCAL)

.PHONY: gotestsum golangci-lint
gotestsum golangci-lint:
	@hack/build-tools.sh $@
