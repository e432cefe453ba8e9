# What is here: `make run` (everything, then the console stays up), `make test`, `make setup`, `make proof`, `make bench`, `make check`.
SHELL := /bin/bash
.DELETE_ON_ERROR:

VENV := .venv
BIN := $(VENV)/bin
STAMPS := .stamps
INSTALLED := $(VENV)/.recours-installed

.PHONY: run test setup proof bench check clean web browser apache-kafka deploy-tools image-base

run: setup
	@$(BIN)/recours up --day

setup: $(INSTALLED) web

$(INSTALLED): requirements/dev.lock pyproject.toml deploy/setup/python.sh
	@deploy/setup/python.sh $(VENV)
	@touch $@

# Copies only when package-lock.json changed: the script knows.
web: $(INSTALLED)
	@NPM_CONFIG_UPDATE_NOTIFIER=false $(BIN)/python -m services.console.web.build

browser: $(INSTALLED)
	@deploy/setup/chromium.sh $(BIN)

apache-kafka:
	@deploy/setup/apache-kafka.sh

deploy-tools:
	@deploy/setup/deploy-tools.sh

image-base:
	@deploy/setup/image-base.sh

test: setup browser apache-kafka deploy-tools
	@deploy/setup/tests.sh $(BIN) quick

proof: setup browser apache-kafka deploy-tools image-base
	@deploy/setup/tests.sh $(BIN) proof

bench: setup apache-kafka
	@for measure in limits booking latency relay replay stack; do echo "recours bench $$measure"; $(BIN)/recours bench $$measure || exit 1; done

check: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

clean:
	rm -rf $(STAMPS) $(VENV) services/console/static/vendor services/console/web/node_modules deploy/kafka/target
