# Copyright The vmdistributed-apiserver Authors.
# SPDX-License-Identifier: Apache-2.0

# Everything that is built, started or written lies in .local.
SHELL := /bin/bash
.SHELLFLAGS := -o errexit -o nounset -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

LOCAL := $(CURDIR)/.local
BIN := $(LOCAL)/bin

# What reconciles the operator's kinds in the local control plane: real, standin
# or none.
OPERATOR ?= real

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -X github.com/vmdistributed/vmdistributed-apiserver/pkg/version.build=$(VERSION)

# Scratch files of the toolchain and of tests stay inside the checkout.
export TMPDIR := $(LOCAL)/tmp
$(shell mkdir -p $(LOCAL)/tmp $(BIN) $(LOCAL)/log)

GOTESTSUM = $(BIN)/gotestsum --format $(if $(CI),standard-quiet,pkgname) --hide-summary=skipped

.PHONY: help
help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build the server into .local/bin
	go build -ldflags "$(LDFLAGS)" -o $(BIN)/ ./cmd/...

.PHONY: tools
tools: ## Build the programs of the local control plane and data plane into .local/bin
	hack/build-tools.sh

.PHONY: standin
standin:
	go build -o $(BIN)/ ./test/standin/cmd/...

.PHONY: test-unit
test-unit: gotestsum ## Run the tests that need no other program
	$(GOTESTSUM) -- ./apis/... ./pkg/... ./cmd/... ./hack/...

.PHONY: test
test: gotestsum tools build standin ## Run all tests: pure, against a real kube-apiserver, and against the real operator
	$(GOTESTSUM) -- -p 1 -timeout 40m ./...

.PHONY: test-long
test-long: gotestsum tools build standin ## Run what takes long: more repetitions, with the race detector
	VMDC_TEST_LONG=1 $(GOTESTSUM) -- -race -p 1 -timeout 4h ./...

.PHONY: bench-overhead
bench-overhead: tools build ## Print what zone updates take by our own doing, over 200 of them
	go test ./test/integration/overhead -run xxx -bench ZoneUpdate -benchtime 10x -timeout 40m

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
up: tools build standin ## Leave a local control plane running, with the server registered
	go run ./hack/controlplane up --operator $(OPERATOR)

.PHONY: down
down: ## Stop what up has started
	go run ./hack/controlplane down

.PHONY: demo
demo: tools build ## Show a rollout over several zones on real components
	go run ./hack/demo

.PHONY: clean
clean: down ## Stop everything and remove what was built
	rm -rf $(LOCAL)

.PHONY: gotestsum golangci-lint
gotestsum golangci-lint:
	@hack/build-tools.sh $@
