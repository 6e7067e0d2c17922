# Tessera. `make` alone prints what there is; the first two commands are `make run` and `make test`.
.DEFAULT_GOAL := help
.PHONY: help run test test-slow load bench-token bench-account bench-binding bench-edge gateway-compat check format manual docs docs-serve openapi package secrets proto clients lock clean
SHELL := /bin/bash

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PROTOS := $(shell find proto -name '*.proto')
PACKAGES := services gateway deploy tests proto/clients/python
# Without the theme's notice that MkDocs 2 will not be for it: the lock file has MkDocs 1.
MKDOCS := NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs
# Folder and options for make secrets, as python -m deploy.secrets takes them.
SECRETS ?= deploy/.secrets
# Arguments for pytest, or for `make load`: make test ARGS="tests/e2e -k describe"
ARGS ?=

help: ## Print this help
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

run: $(VENV)/.installed gen/.made ## Start everything on this machine, with a demo domain; Ctrl-C stops it
	@exec $(BIN)/python -m deploy.local

# What tests start, they start hundreds of times: it is compiled once, also where a shell has forbidden that.
test test-slow gateway-compat: export PYTHONDONTWRITEBYTECODE :=

test: $(VENV)/.installed $(VENV)/.sdk $(if $(shell command -v npm),$(VENV)/.browser) gen/.made ## Run the test suite, but for what is marked slow
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder -m "not slow" $(ARGS)

test-slow: $(VENV)/.installed gen/.made ## Run the tests that are marked slow
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder -m slow $(ARGS)

gateway-compat: $(VENV)/.tools gen/.made ## Compare the gateway with grpc-gateway's reverse proxy, on the same services
	$(BIN)/python -m pytest tests/compat $(ARGS)

load: $(VENV)/.tools gen/.made ## Drive every call at rising rates, on a stack of its own; ARGS=--help says how
	@$(BIN)/python -m tests.load $(ARGS)

bench-token: $(VENV)/.installed gen/.made ## Measure what a grant costs, by process, beside its signature alone; ARGS=--help says how
	@$(BIN)/python -m tests.bench token $(ARGS)

bench-account: $(VENV)/.installed gen/.made ## Measure what linking and lookup cost, among 10 thousand to 10 million; ARGS=--help says how
	@$(BIN)/python -m tests.bench account $(ARGS)

bench-binding: $(VENV)/.installed gen/.made ## Measure what binding and finding cost beside pgbench, among 10 thousand to 10 million; ARGS=--help says how
	@$(BIN)/python -m tests.bench binding $(ARGS)

bench-edge: $(VENV)/.installed gen/.made ## Measure what each scheme of the edge adds to a call; ARGS=--help says how
	@$(BIN)/python -m tests.bench edge $(ARGS)

check: $(VENV)/.checkers gen/.made ## Everything CI checks beside the tests
	$(BIN)/ruff format --check $(PACKAGES)
	$(BIN)/ruff check $(PACKAGES)
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/buf lint gen/tessera.binpb
	$(BIN)/python -m deploy.breaking
	$(BIN)/squawk services/*/migrations/*.sql
	$(BIN)/python -m gateway validate
	$(MKDOCS) build --strict
	$(if $(shell command -v go),@$(MAKE) --no-print-directory $(VENV)/.tools)
	$(BIN)/python -m deploy.manifests

format: $(VENV)/.checkers ## Format the code
	$(BIN)/ruff format $(PACKAGES)
	$(BIN)/ruff check --fix $(PACKAGES)

manual: $(VENV)/.installed gen/.made ## Write what is made from code and contracts: tables of docs/, the client's errors
	$(BIN)/python -m deploy.manual
	$(BIN)/python -m deploy.client_errors

package: $(VENV)/.installed ## Build the Python client, stubs included, into dist/
	@cd proto/clients/python && $(CURDIR)/$(BIN)/python -m hatchling build -d $(CURDIR)/dist

openapi: $(VENV)/.tools gen/.made ## Write docs/openapi.yaml
	$(BIN)/python -m deploy.openapi

docs: $(VENV)/.checkers ## Build the manual: gen/docs/index.html
	$(MKDOCS) build --strict

docs-serve: $(VENV)/.checkers ## Show the manual at 127.0.0.1:8000 while it is written
	$(MKDOCS) serve --dev-addr 127.0.0.1:8000

secrets: $(VENV)/.installed gen/.made ## Make what compose.yaml is to be told and nobody else may know, in deploy/.secrets
	@$(BIN)/python -m deploy.secrets $(SECRETS)

proto: gen/.made ## Make stubs and the descriptor image in gen/

clients: $(VENV)/.installed gen/.made ## Make stubs for Go and TypeScript in gen/, and compile them
	@! command -v go >/dev/null || $(MAKE) --no-print-directory $(VENV)/.tools
	@$(BIN)/python -m deploy.clients

lock: ## Pin the dependencies of pyproject.toml again, with hashes
	$(PYTHON) -m venv $(VENV)/lock && $(VENV)/lock/bin/pip install --quiet pip-tools
	$(VENV)/lock/bin/pip-compile $(PIP_COMPILE) --output-file requirements.lock pyproject.toml
	$(VENV)/lock/bin/pip-compile $(PIP_COMPILE) --extra gateway --constraint requirements.lock --output-file requirements-gateway.lock pyproject.toml
	$(VENV)/lock/bin/pip-compile $(PIP_COMPILE) --extra gateway,dev --constraint requirements-gateway.lock --output-file requirements-dev.lock pyproject.toml
	$(VENV)/lock/bin/pip-compile $(PIP_COMPILE) --extra gateway,dev,check --constraint requirements-dev.lock --output-file requirements-check.lock pyproject.toml
	for each in build requirements; do $(VENV)/lock/bin/pip-compile $(PIP_COMPILE) --output-file tests/sdk/$$each.lock tests/sdk/$$each.in || exit; done

# No address of an index may get into a lock file: everybody uses their own.
PIP_COMPILE := --quiet --upgrade --generate-hashes --strip-extras --allow-unsafe --no-header --no-annotate \
  --no-emit-index-url --no-emit-find-links --no-emit-trusted-host

clean: ## Take away what was made here, but for the data in .tessera/
	rm -rf gen dist $(VENV) .*_cache .hypothesis

$(VENV)/.installed: requirements-dev.lock
	@echo "Installing the pinned dependencies into $(VENV) (once) ..."
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Tessera needs Python 3.11 or newer; set PYTHON=...")'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-dev.lock
	@touch $@

$(VENV)/.checkers: requirements-check.lock $(VENV)/.installed
	@echo "Installing the pinned checkers into $(VENV) (once) ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-check.lock
	@touch $@

# The vendors' clients, which tests run as programs of their own: what they need is not for us to choose (ADR 0063).
$(VENV)/.sdk: tests/sdk/build.lock tests/sdk/requirements.lock $(VENV)/.installed
	@echo "Installing the vendors' pinned clients into $(VENV)/sdk (once) ..."
	@$(PYTHON) -m venv $(VENV)/sdk
	@$(VENV)/sdk/bin/pip install --quiet --disable-pip-version-check --require-hashes --requirement tests/sdk/build.lock
	@$(VENV)/sdk/bin/pip install --quiet --disable-pip-version-check --no-build-isolation --require-hashes \
	  --requirement tests/sdk/requirements.lock
	@touch $@

# What tests run in node or in a browser and is not ours: an OpenID provider, and axe (ADR 0076).
# What drives a browser is among the checkers; what stands at its other end comes from npm.
$(VENV)/.browser: tests/browser/oidc/package.json tests/browser/oidc/package-lock.json tests/browser/oidc/.npmrc $(VENV)/.checkers
	@command -v npm >/dev/null || { echo "This needs Node.js 20 or newer with npm: https://nodejs.org" >&2; exit 1; }
	@echo "Installing pinned packages of node into $(VENV)/browser (once) ..."
	@mkdir -p $(VENV)/browser
	@cp $(filter tests/%,$^) $(VENV)/browser/
	@cd $(VENV)/browser && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

# Programs in Go, pinned with their hashes by deploy/tools/go.sum: ghz, plugins of protoc, kubeconform, kustomize.
$(VENV)/.tools: deploy/tools/go.mod deploy/tools/go.sum
	@command -v go >/dev/null || { echo "This needs Go 1.26 or newer: https://go.dev/dl, or your system's package golang" >&2; exit 1; }
	@echo "Building the pinned Go tools into $(BIN) (once) ..."
	@GOBIN=$(CURDIR)/$(BIN) go -C deploy/tools install tool
	@touch $@

gen/.made: $(PROTOS) $(shell find proto/tessera -type d) $(VENV)/.installed
	@$(BIN)/python -m deploy.protos
	@printf '%s\n' "$(CURDIR)/gen" "$(CURDIR)/proto/clients/python" \
	  > "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/tessera.pth"
	@touch $@
